export type MessageType = "C2C" | "C2G" | "C2S" | "S2C";

export interface MessageRow {
  readonly id: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly type: MessageType;
  readonly from: string;
  readonly to: string;
  readonly clientMsgId: string;
  /** The payload object as JSON text. */
  readonly payload: string;
  /** JSON text of string[], or null. */
  readonly mentions: string | null;
  readonly replyTo: string | null;
  readonly createdAt: number;
  readonly serverTs: number;
  /** SHA-256 of what makes two sends the same, hex. */
  readonly bodyHash: string;
  /** Where it was forwarded from: JSON text of {message_id, user_id}, or null. */
  readonly forwardedFrom: string | null;
  /** How often it was edited, and when last; null when never. */
  readonly edits: number;
  readonly editedAt: number | null;
  /** When it was recalled for everybody, null when it was not. */
  readonly recalledAt: number | null;
}

export interface SendKey {
  readonly senderId: string;
  readonly clientMsgId: string;
}

/** What the store holds under a send key. */
export interface SentMessage extends SendKey {
  readonly id: string;
  readonly conversationId: string;
  readonly bodyHash: string;
  readonly createdAt: number;
}

export interface HistoryQuery {
  readonly conversationId: string;
  /** Exclusive bounds; with beforeSeq alone the newest `limit` below it, with afterSeq the oldest `limit` above it. */
  readonly beforeSeq?: number;
  readonly afterSeq?: number;
  readonly limit: number;
  /** Leaves out what this user has deleted for oneself. */
  readonly viewer?: string;
}

/** Messages of others that mention a user or everybody, in (afterSeq, upToSeq], neither recalled nor deleted by the user. */
export interface MentionsQuery {
  readonly conversationId: string;
  readonly userId: string;
  readonly afterSeq: number;
  readonly upToSeq: number;
  readonly limit: number;
}

export interface Messages {
  get(ids: readonly string[]): Promise<MessageRow[]>;
  /** The messages at these places (conversation, seq), those that exist; for the dialogs' top messages. */
  at(places: readonly { conversationId: string; seq: number }[]): Promise<MessageRow[]>;
  /** Which of these sends are stored already. */
  sent(keys: readonly SendKey[]): Promise<SentMessage[]>;
  /** Always ascending by seq. */
  history(query: HistoryQuery): Promise<MessageRow[]>;
  /** The oldest `limit`, ascending by seq. */
  mentions(query: MentionsQuery): Promise<MessageRow[]>;
}
