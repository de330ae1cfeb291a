import type { ConversationKind } from "./conversations.js";

export interface DialogRow {
  readonly userId: string;
  readonly peer: string;
  readonly conversationId: string;
  readonly kind: ConversationKind;
  readonly topSeq: number;
  readonly readSeq: number;
  readonly unread: number;
  readonly unreadMentions: number;
  /** Supergroups: messages that are not unread, i.e. those up to the read position and own ones behind it. */
  readonly readCount?: number;
  readonly pinned: boolean;
  readonly mutedUntil: number;
  readonly draft: string;
  readonly archived: boolean;
  readonly updatedAt: number;
}

export interface DialogCursor {
  readonly pinned: boolean;
  readonly updatedAt: number;
  readonly peer: string;
}

/**
 * A supergroup's messages touch no member's dialog: for members topSeq, unread and updatedAt are worked out from the
 * conversation. Who is no member any more keeps what it was at the end.
 */
export interface Dialogs {
  get(userId: string, peer: string): Promise<DialogRow | undefined>;
  /** Pinned first, then by updatedAt descending, then by peer ascending; after the cursor. */
  list(userId: string, cursor: DialogCursor | undefined, limit: number): Promise<DialogRow[]>;
  /** Members other than the sender who could see the message at `seq` and whose read position has reached it. */
  readers(conversationId: string, seq: number): Promise<{ userId: string; readSeq: number }[]>;
  /** Unread as a recomputation from the messages gives it: messages of others behind the read position, not recalled, not deleted by the user. */
  recountUnread(userId: string, peer: string): Promise<number>;
}
