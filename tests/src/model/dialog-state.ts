import type { Dialog, Message, Pin } from "@dunlin/client";

/** What a device knows of one conversation and of its user's view of it. */
export class DialogState {
  kind: Dialog["kind"];
  title = "";
  /** The user has it in the list. */
  listed = true;
  topSeq = 0;
  readSeq = 0;
  /** What lies up to here is known to be gone for this user; what comes of it later, from another log, stays gone. */
  clearedSeq = 0;
  pinOrder = 0;
  mutedUntil = 0;
  draft = "";
  archived = false;
  markedUnread = false;
  /** Where the user left the group; null for who is in it. */
  leftSeq: number | null = null;
  /** By seq. */
  readonly messages = new Map<number, Message>();
  /** Places of messages that the user has deleted. In a supergroup the message may come after its deletion, as they are of two logs. */
  readonly deleted = new Set<number>();
  /** Pinned messages: id → who pinned it. */
  readonly pins = new Map<string, string>();
  /** How far others are known to have read. */
  readonly readers = new Map<string, number>();
  /** Of a group one is in: who else, and as what. */
  readonly members = new Map<string, string>();
  /** What the frames have said is unread, to compare with what the messages say. */
  told = { unread: 0, mentions: 0 };

  constructor(readonly peer: string) {
    this.kind = peer.startsWith("U") ? "user" : peer.startsWith("G") ? "group" : "supergroup";
  }

  /** A message as a frame brings it; what is known of its reactions stays. */
  put(message: Message): void {
    if (this.deleted.has(message.seq)) return;
    const reactions = this.messages.get(message.seq)?.reactions;
    this.messages.set(message.seq, reactions ? { ...message, reactions } : message);
  }

  /** Everything up to and including a seq is not the user's to see any more. */
  clear(upToSeq: number): void {
    this.clearedSeq = Math.max(this.clearedSeq, upToSeq);
    for (const seq of this.messages.keys()) if (seq <= upToSeq) this.messages.delete(seq);
  }

  /** Messages that the user may see, ascending. */
  visible(): Message[] {
    return [...this.messages.values()].filter(({ seq }) => this.leftSeq === null || seq <= this.leftSeq).sort((a, b) => a.seq - b.seq);
  }

  /** Takes over what the server's list shows of it. */
  load(dialog: Dialog): void {
    this.kind = dialog.kind;
    this.title = dialog.title;
    this.listed = true;
    this.topSeq = dialog.top_seq;
    this.readSeq = dialog.read_seq;
    this.pinOrder = dialog.pin_order;
    this.mutedUntil = dialog.muted_until;
    this.draft = dialog.draft;
    this.archived = dialog.archived;
    this.markedUnread = dialog.marked_unread;
    this.leftSeq = dialog.left_seq;
  }

  loadPins(pins: readonly Pin[]): void {
    this.pins.clear();
    for (const { message, pinned_by } of pins) this.pins.set(message.id, pinned_by);
  }
}
