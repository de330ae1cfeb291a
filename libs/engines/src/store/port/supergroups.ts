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
}

/** One entry of a supergroup's log. */
export type SupergroupEntry = { readonly seq: number } & (
  | { readonly message: MessageRow }
  | { readonly message: null; readonly type: string; readonly body: string }
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
}

export interface MemberKey {
  readonly conversationId: string;
  readonly userId: string;
}
