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
  /** 0: not pinned; else the greater, the higher in the list. */
  readonly pinned: number;
  readonly mutedUntil: number;
  readonly draft: string;
  readonly archived: boolean;
  /** The user wants it to look unread, whatever the count. */
  readonly markedUnread: boolean;
  /** What lies up to here is not the user's to see (any more): deleted, or said before the user last joined. */
  readonly clearedSeq: number;
  /** Deleted by the user: not listed until a message comes after `clearedSeq`. */
  readonly hidden: boolean;
  /** The conversation's last seq when the user left it, null for who is in it. */
  readonly leftSeq: number | null;
  /** What the group was called when the user left it. */
  readonly leftTitle: string;
  readonly leftAvatar: string;
  readonly updatedAt: number;
}

/** Whether the user has this dialog: not deleted, or come back since. */
export const isListed = (dialog: Pick<DialogRow, "hidden" | "topSeq" | "clearedSeq">): boolean =>
  !dialog.hidden || dialog.topSeq > dialog.clearedSeq;

/** A place in a user's list of dialogs, as the list was when its paging began. */
export interface DialogPlace {
  /** The user's newest pts when the paging began, and the newest activity in all supergroups then, which have no pts. */
  readonly asOf: number;
  readonly newestAt: number;
  readonly pinned: number;
  readonly updatedAt: number;
  readonly peer: string;
}

export interface DialogPage {
  readonly dialogs: DialogRow[];
  /** Where the next page goes on; undefined at the end. */
  readonly next: DialogPlace | undefined;
}

export interface UnreadCounts {
  readonly unread: number;
  readonly unreadMentions: number;
  /** Dialogs with something unread, or marked as such. */
  readonly dialogs: number;
}

/**
 * A supergroup's messages touch no member's dialog: for members topSeq, unread, unreadMentions and updatedAt are worked out
 * from the conversation. Who is no member any more keeps what it was at the end.
 */
export interface Dialogs {
  get(userId: string, peer: string): Promise<DialogRow | undefined>;
  /**
   * Pinned first, then by updatedAt descending, then by peer ascending; from `after` on. What messages move up while somebody
   * pages stays where it was when the paging began: each dialog of then is shown once, as it is now.
   */
  list(userId: string, after: DialogPlace | undefined, limit: number): Promise<DialogPage>;
  /** Over all listed dialogs; those muted at `now` are counted apart. */
  unread(userId: string, now: number): Promise<UnreadCounts & { readonly muted: UnreadCounts }>;
  /** Members other than the sender who could see the message at `seq` and whose read position has reached it. */
  readers(conversationId: string, seq: number): Promise<{ userId: string; readSeq: number }[]>;
  /** Unread as a recomputation from the messages gives it: messages of others behind the read position, not recalled, not deleted by the user. */
  recountUnread(userId: string, peer: string): Promise<number>;
}
