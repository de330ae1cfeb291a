import { afterChange, changeOf, type Entry, type Message, messageOf, type Update } from "@dunlin/client";
import { DialogState } from "./dialog-state.js";

/** What a frame tells that it does not carry: to be asked for over HTTP. */
export type Wanted = { readonly what: "dialog" | "group"; readonly peer: string };

type Frame = Update | Entry;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : []);

/** Actions of a membership notice that bring somebody in. */
export const ENTER: ReadonlySet<string> = new Set(["created", "added", "joined"]);
const EXIT: ReadonlySet<string> = new Set(["left", "removed", "banned"]);

/** What a device asks for when a frame names a dialog that it does not have: a new one, or one that comes back after deletion. */
const unknown = ({ kind, peer }: DialogState): Wanted[] =>
  kind === "user"
    ? [{ what: "dialog", peer }]
    : [
        { what: "dialog", peer },
        { what: "group", peer },
      ];

/**
 * A client's reducer: what one user's device knows, from the frames of the public contract alone. Frames may repeat what a
 * snapshot has shown already, as they do behind a reload; whatever a frame sets, it sets again.
 */
export class DeviceState {
  readonly dialogs = new Map<string, DialogState>();
  readonly blocked = new Set<string>();
  /** Sends that were accepted and refused later. */
  readonly rejected = new Set<string>();
  /** Something of it came as a snapshot: counts that are told step by step do not apply. */
  snapshot = false;

  constructor(readonly me: string) {}

  dialog(peer: string): DialogState {
    let dialog = this.dialogs.get(peer);
    if (!dialog) {
      dialog = new DialogState(peer);
      dialog.listed = false;
      this.dialogs.set(peer, dialog);
    }
    return dialog;
  }

  /** The peer under which a conversation stands in this user's list. */
  peerOf(conversationId: string): string {
    return conversationId.split("_").find((id) => id !== this.me) ?? conversationId;
  }

  /** An entry of the user's own log. @returns what must be loaded now */
  update(update: Update): Wanted[] {
    return this.#apply(update, text(update["conversation_id"]));
  }

  /** An entry of a supergroup's log. */
  entry(entry: Entry): Wanted[] {
    // Whom a notice is about learns it in the own log.
    if (entry.type === "MEMBER" && texts(entry["user_ids"]).includes(this.me)) {
      this.#others(entry, this.dialog(entry.conversation_id));
      return [];
    }
    return this.#apply(entry, entry.conversation_id);
  }

  #apply(frame: Frame, conversationId: string): Wanted[] {
    const dialog = (): DialogState => this.dialog(this.peerOf(conversationId));
    switch (frame.type) {
      case "C2C":
      case "C2G":
      case "C2S":
        return this.#message(frame, dialog());
      case "EDIT":
      case "RECALL":
      case "DELETE":
      case "REACTION":
      case "PIN":
        this.#change(frame, dialog());
        return [];
      case "READ":
        this.#read(frame, this.dialog(text(frame["peer"])));
        return [];
      case "DIALOG":
        this.#view(frame);
        return [];
      case "MEMBER":
        return this.#member(frame, this.dialog(conversationId));
      case "GROUP":
        dialog().title = text(frame["title"]);
        return [];
      case "BLOCK":
        if (frame["blocked"] === true) this.blocked.add(text(frame["user_id"]));
        else this.blocked.delete(text(frame["user_id"]));
        return [];
      case "REJECT":
        this.rejected.add(text(frame["id"]));
        return [];
      default:
        return [];
    }
  }

  #message(frame: Frame, dialog: DialogState): Wanted[] {
    const message = messageOf(frame);
    if (!message || message.seq <= dialog.clearedSeq) return [];
    const { type, pts: _, ...rest } = message as Message & { pts?: number };
    const known = dialog.listed;
    const counted = message.from === this.me || message.recalled_at !== undefined || message.seq <= dialog.topSeq;
    dialog.put({ type, ...rest });
    dialog.topSeq = Math.max(dialog.topSeq, message.seq);
    dialog.listed = true;
    if (!counted) {
      dialog.told.unread += 1;
      if (this.mentions(message)) dialog.told.mentions += 1;
    }
    return known ? [] : unknown(dialog);
  }

  #change(frame: Frame, dialog: DialogState): void {
    const change = changeOf(frame);
    if (!change) return;
    const message = dialog.messages.get(change.seq);
    const after = message && afterChange(message, change, this.me);
    if (after) dialog.messages.set(change.seq, after);
    else dialog.messages.delete(change.seq);
    if (change.type === "DELETE") dialog.deleted.add(change.seq);
    if (change.type === "PIN" && change.on) dialog.pins.set(change.id, change.by);
    else if (change.type === "PIN" || change.type === "RECALL") dialog.pins.delete(change.id);
    if (change.type !== "EDIT") this.#told(frame, dialog);
  }

  /** One's own position, the peer's of a 1:1, or those of a group's readers. */
  #read(frame: Frame, dialog: DialogState): void {
    const seq = number(frame["read_seq"]) ?? 0;
    const reader = text(frame["user_id"]);
    const note = (userId: string, at: number): void => void dialog.readers.set(userId, Math.max(at, dialog.readers.get(userId) ?? 0));
    if (Array.isArray(frame["readers"])) {
      for (const { user_id, read_seq } of frame["readers"] as { user_id: string; read_seq: number }[]) note(user_id, read_seq);
    } else if (reader === this.me) {
      dialog.readSeq = Math.max(dialog.readSeq, seq);
      this.#told(frame, dialog);
    } else note(reader, seq);
  }

  #view(frame: Frame): void {
    if (Array.isArray(frame["pinned_peers"])) {
      const peers = texts(frame["pinned_peers"]);
      for (const dialog of this.dialogs.values()) dialog.pinOrder = 0;
      for (const [index, peer] of peers.entries()) this.dialog(peer).pinOrder = peers.length - index;
      return;
    }
    const dialog = this.dialog(text(frame["peer"]));
    if (frame["deleted"] === true) {
      const cleared = number(frame["cleared_seq"]) ?? 0;
      dialog.clear(cleared);
      dialog.readSeq = Math.max(dialog.readSeq, number(frame["read_seq"]) ?? 0);
      dialog.listed = dialog.topSeq > cleared;
      Object.assign(dialog, { pinOrder: 0, draft: "", archived: false, markedUnread: false });
      this.#told(frame, dialog);
    }
    if (frame["pin_order"] !== undefined) dialog.pinOrder = number(frame["pin_order"]) ?? 0;
    if (frame["muted_until"] !== undefined) dialog.mutedUntil = number(frame["muted_until"]) ?? 0;
    if (frame["draft"] !== undefined) dialog.draft = text(frame["draft"]);
    if (frame["archived"] !== undefined) dialog.archived = frame["archived"] === true;
    if (frame["marked_unread"] !== undefined) dialog.markedUnread = frame["marked_unread"] === true;
  }

  #member(frame: Frame, dialog: DialogState): Wanted[] {
    const action = text(frame["action"]);
    const about = texts(frame["user_ids"]).includes(this.me);
    const seq = number(frame["seq"]) ?? 0;
    if (about && ENTER.has(action)) {
      const known = dialog.listed;
      // What was said until now is not for this member.
      dialog.clear(seq);
      dialog.pins.clear();
      dialog.members.clear();
      dialog.readers.clear();
      dialog.listed = true;
      dialog.leftSeq = null;
      dialog.readSeq = Math.max(dialog.readSeq, seq);
      if (dialog.kind === "group") dialog.topSeq = Math.max(dialog.topSeq, seq);
      dialog.told = { unread: 0, mentions: 0 };
      this.#others(frame, dialog);
      return known ? [{ what: "group", peer: dialog.peer }] : unknown(dialog);
    }
    if (about && EXIT.has(action)) {
      // In a supergroup's log the notice itself takes a seq.
      dialog.leftSeq = dialog.kind === "supergroup" ? seq - 1 : seq;
      dialog.members.clear();
      return [];
    }
    this.#others(frame, dialog);
    return [];
  }

  /** What a notice says of who is in the group and as what. */
  #others(frame: Frame, dialog: DialogState): void {
    const action = text(frame["action"]);
    const users = texts(frame["user_ids"]);
    const owner = text(frame["owner_id"]);
    dialog.title = text(frame["title"]);
    if (dialog.leftSeq !== null) return;
    if (ENTER.has(action)) for (const userId of users) dialog.members.set(userId, "member");
    if (EXIT.has(action)) {
      for (const userId of users) {
        dialog.members.delete(userId);
        dialog.readers.delete(userId);
      }
    }
    if (action === "changed") for (const userId of users) dialog.members.set(userId, text(frame["role"]));
    for (const [userId, role] of dialog.members) if (role === "owner" && userId !== owner) dialog.members.set(userId, "admin");
    if (dialog.members.has(owner)) dialog.members.set(owner, "owner");
  }

  #told(frame: Frame, dialog: DialogState): void {
    const unread = number(frame["unread"]);
    if (unread !== undefined) dialog.told = { unread, mentions: number(frame["unread_mentions"]) ?? 0 };
  }

  mentions(message: Message): boolean {
    return message.mentions?.some((userId) => userId === this.me || userId === "@all") ?? false;
  }
}
