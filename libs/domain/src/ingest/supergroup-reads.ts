import { MARK_ALL, MARK_RECALLED, type MessageRow, type SupergroupMark } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import type { ConversationDraft, Draft } from "./draft.js";
import type { RuleContext } from "./rule.js";
import { type Unread, unreadBehind } from "./unread.js";

/** A user's view of a supergroup behind a read position. */
interface Behind extends Unread {
  /** Recalled messages that would be unread; see `SupergroupMark`. */
  readonly recalled: number;
}

/** The marks in (afterSeq, upToSeq] that concern a user. */
const marksBehind = async (
  draft: Draft,
  { tx }: RuleContext,
  id: string,
  userId: string,
  afterSeq: number,
  upToSeq: number,
): Promise<SupergroupMark[]> =>
  draft.supergroups.overlay(id, await tx.supergroupMarks(id, userId, afterSeq)).filter(({ mark, seq, senderId, liesIn }) => {
    if (seq <= afterSeq || seq > upToSeq || senderId === userId) return false;
    if (mark !== MARK_ALL && mark !== MARK_RECALLED && mark !== userId) return false;
    return !draft.annotations.isHidden({ userId, conversationId: liesIn, seq });
  });

const summed = (marks: readonly SupergroupMark[]): Pick<Behind, "recalled" | "unreadMentions"> => {
  const mentions = new Set(marks.filter(({ mark }) => mark !== MARK_RECALLED).map(({ seq }) => seq));
  return { recalled: marks.filter(({ mark }) => mark === MARK_RECALLED).length, unreadMentions: mentions.size };
};

/** Counts the messages of others in (afterSeq, upToSeq], those of the group that the supergroup once was included. */
export const countBehind = async (
  draft: Draft,
  context: RuleContext,
  supergroup: ConversationDraft,
  userId: string,
  afterSeq: number,
  upToSeq: number,
): Promise<Behind> => {
  const { id } = supergroup;
  const origin = supergroup.supergroup?.origin;
  let { unread } = await unreadBehind(draft, context.tx, userId, supergroup, afterSeq, upToSeq);
  if (origin && afterSeq < origin.seq) {
    const before = await unreadBehind(draft, context.tx, userId, { id: origin.conversationId }, afterSeq, Math.min(origin.seq, upToSeq));
    unread += before.unread;
  }
  return { unread, ...summed(await marksBehind(draft, context, id, userId, afterSeq, upToSeq)) };
};

/**
 * Moves a member's read position in a supergroup forward, never back. What is unread is the number of all its messages
 * minus those that are read or the member's own: only what lies behind the new position is counted, and mostly that is nothing.
 */
export const readSupergroup = async (
  draft: Draft,
  supergroup: ConversationDraft,
  read: queue.MarkRead,
  context: RuleContext,
): Promise<ErrorCode> => {
  const { userId } = read;
  const { id, supergroup: state } = supergroup;
  const position = draft.dialogs.position(userId, id);
  const member = draft.members(id).get(userId);
  if (!position || !state || !member) return "NOT_A_MEMBER";
  const readSeq = Math.min(read.seq, supergroup.lastSeq);
  if (readSeq <= position.readSeq) return "OK";
  const { unread, unreadMentions, recalled } = await countBehind(draft, context, supergroup, userId, readSeq, supergroup.lastSeq);
  draft.dialogs.putPosition(userId, supergroup, { readSeq, readCount: state.messageCount - unread - recalled, unread, unreadMentions });
  draft.supergroups.read({ conversationId: id, userId, readSeq, joinedSeq: member.joinedSeq });
  draft.tell([userId], "READ", id, { user_id: userId, peer: id, read_seq: readSeq, unread, unread_mentions: unreadMentions });
  return "OK";
};

/** A member deletes a message for oneself: unread or not, it does not count from now on. @returns what is unread then, if it counted */
export const hideInSupergroup = async (
  draft: Draft,
  context: RuleContext,
  supergroup: ConversationDraft,
  userId: string,
  message: MessageRow,
): Promise<Unread | undefined> => {
  const { id, supergroup: state } = supergroup;
  const { seq } = message;
  const position = draft.dialogs.position(userId, id);
  const marks = position ? await marksBehind(draft, context, id, userId, position.readSeq, supergroup.lastSeq) : [];
  draft.annotations.hide({ userId, conversationId: message.conversationId, seq }, draft.now);
  if (!position || !state || message.from === userId || seq <= position.readSeq) return undefined;
  // What the group recalled before it became a supergroup has no mark, and never counted here.
  if (message.recalledAt !== null && !marks.some((mark) => mark.seq === seq && mark.mark === MARK_RECALLED)) return undefined;
  const readCount = position.readCount + 1;
  const { recalled, unreadMentions } = summed(marks.filter((mark) => mark.seq !== seq));
  const unread = state.messageCount - readCount - recalled;
  draft.dialogs.putPosition(userId, supergroup, { readSeq: position.readSeq, readCount, unread, unreadMentions });
  return message.recalledAt === null ? { unread, unreadMentions } : undefined;
};
