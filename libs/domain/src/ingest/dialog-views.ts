import type { ConversationRow, DialogRow, DialogView, DialogViewChange, MemberRow } from "@dunlin/engines/store";

export const dialogKey = (userId: string, peer: string): string => `${userId} ${peer}`;

const nothingSet: DialogView = {
  pinned: 0,
  mutedUntil: 0,
  draft: "",
  archived: false,
  markedUnread: false,
  clearedSeq: 0,
  hidden: false,
  leftSeq: null,
  leftTitle: "",
  leftAvatar: "",
};

/** The pinned dialogs of some users, all of them. */
export interface LoadedPins {
  readonly users: ReadonlySet<string>;
  readonly rows: readonly { userId: string; peer: string; pinned: number }[];
}

type Place = Pick<DialogViewChange, "userId" | "peer" | "conversationId" | "kind">;

/** The views of a batch's dialogs: as they stood, and what the commands so far have set. */
export class DialogViews {
  readonly #stored = new Map<string, DialogRow>();
  readonly #changes = new Map<string, { place: Place; view: Partial<DialogView> }>();
  /** User → peer → pinned, of the users whose pins were asked for. */
  readonly #pins = new Map<string, Map<string, number>>();

  constructor(dialogs: readonly DialogRow[], pins: LoadedPins) {
    this.load(dialogs);
    for (const userId of pins.users) this.#pins.set(userId, new Map());
    for (const { userId, peer, pinned } of pins.rows) this.#pins.get(userId)?.set(peer, pinned);
  }

  load(dialogs: readonly DialogRow[]): void {
    for (const row of dialogs) this.#stored.set(dialogKey(row.userId, row.peer), row);
  }

  /** A view as it stands now; only of dialogs that were asked for. */
  view(userId: string, peer: string): DialogView {
    const key = dialogKey(userId, peer);
    const view = { ...nothingSet, ...this.#stored.get(key), ...this.#changes.get(key)?.view };
    // Pins have other writers until the mailbox is locked: what was read after that counts.
    const pins = this.#pins.get(userId);
    return pins ? { ...view, pinned: pins.get(peer) ?? 0 } : view;
  }

  set(place: Place, view: Partial<DialogView>): void {
    const key = dialogKey(place.userId, place.peer);
    const change = this.#changes.get(key);
    if (change) Object.assign(change.view, view);
    else this.#changes.set(key, { place, view: { ...view } });
    if (view.pinned === undefined) return;
    if (view.pinned > 0) this.#pins.get(place.userId)?.set(place.peer, view.pinned);
    else this.#pins.get(place.userId)?.delete(place.peer);
  }

  /** A user's pinned dialogs, the top one first. */
  pins(userId: string): { peer: string; pinned: number }[] {
    return [...(this.#pins.get(userId) ?? [])].map(([peer, pinned]) => ({ peer, pinned })).sort((a, b) => b.pinned - a.pinned);
  }

  /** Who joins has the dialog again, whatever was deleted or left before. */
  join(userId: string, conversation: ConversationRow): void {
    this.set(placeIn(conversation, userId), { hidden: false, leftSeq: null });
  }

  /** Who leaves keeps what there was to see until now, and the group as it was. */
  leave(member: MemberRow, conversation: ConversationRow): void {
    this.set(placeIn(conversation, member.userId), {
      clearedSeq: member.joinedSeq,
      leftSeq: conversation.lastSeq,
      leftTitle: conversation.title,
      leftAvatar: conversation.avatar,
    });
  }

  /** What the user has set on a dialog goes over to the one that takes its place. */
  carry(userId: string, peer: string, to: ConversationRow): void {
    const { pinned, mutedUntil, draft, archived, markedUnread, clearedSeq } = this.view(userId, peer);
    this.set(placeIn(to, userId), { pinned, mutedUntil, draft, archived, markedUnread, clearedSeq });
  }

  /** The dialog itself goes. */
  drop(userId: string, peer: string): void {
    this.#changes.delete(dialogKey(userId, peer));
    this.#stored.delete(dialogKey(userId, peer));
  }

  changes(): DialogViewChange[] {
    return [...this.#changes.values()].map(({ place, view }) => ({ ...place, view }));
  }
}

const placeIn = ({ id, kind }: ConversationRow, userId: string): Place => ({ userId, peer: id, conversationId: id, kind });
