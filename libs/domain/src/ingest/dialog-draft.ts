import type { DialogChange, DialogRow, IngestChanges } from "@dunlin/engines/store";
import { type DialogViews, dialogKey } from "./dialog-views.js";
import type { ConversationDraft } from "./draft.js";
import type { Unread } from "./unread.js";

type Change = { -readonly [K in keyof DialogChange]: DialogChange[K] };

/** How far a user has read a dialog, and what of it is unread. */
export interface ReadPosition extends Unread {
  readonly readSeq: number;
}

/** The part of a batch's draft that is about dialogs: as they are stored, and on top of that what the commands so far have changed. */
export class DialogDraft {
  readonly #stored = new Map<string, DialogRow>();
  readonly #changes = new Map<string, Change>();
  readonly #removed = new Map<string, { userId: string; peer: string }>();

  constructor(
    stored: readonly DialogRow[],
    private readonly views: DialogViews,
    private readonly now: number,
  ) {
    for (const row of stored) this.#stored.set(dialogKey(row.userId, row.peer), row);
  }

  /** Dialogs that a rule has read by itself, as they are stored. */
  load(rows: readonly DialogRow[]): void {
    for (const row of rows) this.#stored.set(dialogKey(row.userId, row.peer), row);
    this.views.load(rows);
  }

  /** A user's dialog as it stands now, undefined when there is none. */
  get(userId: string, peer: string): ({ topSeq: number } & ReadPosition) | undefined {
    const key = dialogKey(userId, peer);
    const stored = this.#stored.get(key);
    const change = this.#changes.get(key);
    if (!stored && !change) return undefined;
    const base = change?.read ?? stored ?? { readSeq: 0, unread: 0, unreadMentions: 0 };
    return {
      topSeq: Math.max(stored?.topSeq ?? 0, change?.topSeq ?? 0),
      readSeq: base.readSeq,
      unread: base.unread + (change && !change.read ? change.addUnread : 0),
      unreadMentions: base.unreadMentions + (change && !change.read ? change.addMentions : 0),
    };
  }

  /** A message (or a membership change) reached a user's dialog. */
  touch(userId: string, peer: string, conversation: ConversationDraft, unread: 0 | 1, mention: boolean): void {
    const change = this.#changes.get(dialogKey(userId, peer));
    const mentions = mention ? 1 : 0;
    if (!change) {
      this.#begin(userId, peer, conversation, {
        topSeq: conversation.lastSeq,
        addUnread: unread,
        addMentions: mentions,
        updatedAt: this.now,
      });
      return;
    }
    change.topSeq = conversation.lastSeq;
    addTo(change, unread, mentions);
  }

  /** Sets a dialog's read position and counts. */
  read(userId: string, peer: string, conversation: ConversationDraft, read: ReadPosition): void {
    const change = this.#changes.get(dialogKey(userId, peer));
    if (change) change.read = read;
    else {
      this.#begin(userId, peer, conversation, {
        // Who has left reads in a conversation that has gone on.
        topSeq: this.#stored.get(dialogKey(userId, peer))?.topSeq ?? conversation.lastSeq,
        read,
        updatedAt: this.#updatedAt(userId, peer, this.now),
      });
    }
  }

  /** Changes what is unread in a dialog that is there. @returns the counts then */
  addToUnread(userId: string, peer: string, conversation: ConversationDraft, unread: number, mentions: number): Unread {
    const key = dialogKey(userId, peer);
    const change = this.#changes.get(key);
    if (change) addTo(change, unread, mentions);
    else {
      this.#begin(userId, peer, conversation, {
        topSeq: this.#stored.get(key)?.topSeq ?? 0,
        addUnread: unread,
        addMentions: mentions,
        updatedAt: this.#updatedAt(userId, peer, 0),
      });
    }
    const { unread: left = 0, unreadMentions = 0 } = this.get(userId, peer) ?? {};
    return { unread: left, unreadMentions };
  }

  remove(userId: string, peer: string): void {
    const key = dialogKey(userId, peer);
    this.#changes.delete(key);
    this.#stored.delete(key);
    this.views.drop(userId, peer);
    this.#removed.set(key, { userId, peer });
  }

  /** A member's position in a supergroup as it stands now, undefined without a dialog. */
  position(userId: string, id: string): { readSeq: number; readCount: number; unreadMentions: number } | undefined {
    const key = dialogKey(userId, id);
    const stored = this.#stored.get(key);
    const change = this.#changes.get(key);
    if (!stored && !change) return undefined;
    const base = change?.read ?? stored;
    const readCount = (change?.read ? 0 : (stored?.readCount ?? 0)) + (change?.readCount ?? 0);
    return { readSeq: base?.readSeq ?? 0, readCount, unreadMentions: base?.unreadMentions ?? 0 };
  }

  /** An own message in a supergroup is never unread. */
  countOwn(userId: string, supergroup: ConversationDraft): void {
    const change = this.#changes.get(dialogKey(userId, supergroup.id));
    if (change) {
      change.topSeq = supergroup.lastSeq;
      change.readCount = (change.readCount ?? 0) + 1;
    } else this.#begin(userId, supergroup.id, supergroup, { topSeq: supergroup.lastSeq, readCount: 1, updatedAt: this.now });
  }

  /** Sets a member's position in a supergroup; `unread` is what stays when the user is no member any more. */
  putPosition(userId: string, supergroup: ConversationDraft, at: ReadPosition & { readonly readCount: number }, touch = false): void {
    const { readCount, ...read } = at;
    this.#begin(userId, supergroup.id, supergroup, {
      topSeq: supergroup.supergroup?.topSeq ?? 0,
      read,
      readCount,
      updatedAt: touch ? this.now : this.#updatedAt(userId, supergroup.id, this.now),
    });
  }

  changes(): Pick<IngestChanges, "dialogs" | "dialogsRemoved"> {
    return { dialogs: [...this.#changes.values()], dialogsRemoved: [...this.#removed.values()] };
  }

  /** Reading, and a message that goes, do not move a dialog up the list. */
  #updatedAt(userId: string, peer: string, otherwise: number): number {
    const key = dialogKey(userId, peer);
    return this.#changes.get(key)?.updatedAt ?? this.#stored.get(key)?.updatedAt ?? otherwise;
  }

  #begin(
    userId: string,
    peer: string,
    { id, kind }: ConversationDraft,
    fields: Pick<Change, "topSeq" | "updatedAt"> & Partial<Change>,
  ): void {
    this.#changes.set(dialogKey(userId, peer), { userId, peer, conversationId: id, kind, addUnread: 0, addMentions: 0, ...fields });
  }
}

const addTo = (change: Change, unread: number, mentions: number): void => {
  if (change.read) {
    const { readSeq, unread: before, unreadMentions } = change.read;
    change.read = { readSeq, unread: before + unread, unreadMentions: unreadMentions + mentions };
  } else {
    change.addUnread += unread;
    change.addMentions += mentions;
  }
};
