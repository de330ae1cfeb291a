import type { MemberRow } from "./conversations.js";
import type { MessageRow } from "./messages.js";

/** What a conversation's row holds beyond a group's when it is a supergroup. */
export interface SupergroupState {
  readonly memberCount: number;
  /** Messages ever stored in it: what lies behind a read position is counted by subtraction. */
  readonly messageCount: number;
  /** The newest message's seq, 0 when there is none; other entries of the log have a seq too. */
  readonly topSeq: number;
  /** ms of the newest message, else of its beginning. */
  readonly activeAt: number;
  /** The group it was upgraded from: messages up to `seq` lie there, under the same seq. */
  readonly origin?: { readonly conversationId: string; readonly seq: number };
}

/** An entry of a supergroup's log that is no message: membership, edit, recall, reaction, pin … */
export interface SupergroupUpdateRow {
  readonly conversationId: string;
  readonly seq: number;
  /** The frame's type: MEMBER, EDIT … */
  readonly type: string;
  /** The frame's fields behind conversation_id and seq, as JSON object text. */
  readonly body: string;
  readonly createdAt: number;
  /** The entry shows the message at this seq, as it is when the entry is read: what is recalled is in no log. */
  readonly messageSeq?: number;
}

/** Everybody is mentioned; the mark of one user's mention is the user's id. */
export const MARK_ALL = "@all";
export const MARK_RECALLED = "@recalled";

/**
 * What a message of a supergroup means for members who have it behind their read position: it mentions one of them, or all,
 * or was recalled. What is unread is worked out from these when it is asked for; nothing is written for each member.
 */
export interface SupergroupMark {
  readonly conversationId: string;
  /** MARK_ALL, MARK_RECALLED or a user id. */
  readonly mark: string;
  readonly seq: number;
  readonly senderId: string;
  /** The conversation that holds the message: the group that the supergroup once was, or itself. */
  readonly liesIn: string;
}

/** How far a member has read, and from where on the member can see. */
export interface SupergroupRead {
  readonly conversationId: string;
  readonly userId: string;
  readonly readSeq: number;
  readonly joinedSeq: number;
}

/** One entry of a supergroup's log. */
export type SupergroupEntry = { readonly seq: number } & (
  | { readonly message: MessageRow }
  | { readonly message: null; readonly type: string; readonly body: string /** See SupergroupUpdateRow. */; readonly shows?: MessageRow }
);

export interface SupergroupLog {
  /** Ascending without a gap. */
  readonly entries: SupergroupEntry[];
  /** How far the log reaches. */
  readonly seq: number;
}

export interface Supergroups {
  /** The log behind `seq`, at most `limit` entries. @throws AppError NOT_FOUND for a supergroup that does not exist */
  log(id: string, seq: number, limit: number): Promise<SupergroupLog>;
  /** How far the logs reach; those that do not exist are missing. */
  heads(ids: readonly string[]): Promise<Map<string, number>>;
  /** The supergroups each user is a member of, at most `limit` for each; users without any are missing. */
  ofUsers(userIds: readonly string[], limit: number): Promise<Map<string, string[]>>;
  /** Members by user id, after `after`. */
  members(id: string, after: string, limit: number): Promise<MemberRow[]>;
  /** Those of these memberships that exist. */
  membersAt(keys: readonly MemberKey[]): Promise<MemberRow[]>;
  /** How many members other than the sender could see the message at `seq` and have read up to it. */
  readCount(id: string, seq: number, senderId: string): Promise<number>;
}

/** What ingest reads of supergroups within its transaction. */
export interface SupergroupReads {
  /** Marks behind `afterSeq` that concern a user: recalled messages of others, and mentions by others; not those the user has deleted. */
  supergroupMarks(conversationId: string, userId: string, afterSeq: number): Promise<SupergroupMark[]>;
  /** Messages behind `afterSeq` that mention somebody and were not recalled. */
  mentioning(conversationId: string, afterSeq: number): Promise<Pick<MessageRow, "seq" | "from" | "mentions">[]>;
}

export interface SupergroupChanges {
  readonly marks: readonly SupergroupMark[];
  /** Removed before any is added. */
  readonly marksRemoved: readonly SupergroupMark[];
  readonly reads: readonly SupergroupRead[];
  /** Removed before any is added. */
  readonly readsRemoved: readonly MemberKey[];
}

export const noSupergroupChanges: SupergroupChanges = { marks: [], marksRemoved: [], reads: [], readsRemoved: [] };

export interface MemberKey {
  readonly conversationId: string;
  readonly userId: string;
}
