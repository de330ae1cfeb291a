import type { ErrorCode, queue } from "@dunlin/proto";
import type { ConversationDraft, Draft } from "./draft.js";
import type { RuleContext } from "./rule.js";

/** Messages of others in (afterSeq, …], those that this batch adds included. */
const countAfter = async (
  draft: Draft,
  { tx }: RuleContext,
  conversationId: string,
  userId: string,
  afterSeq: number,
  upToSeq: number,
): Promise<number> => {
  // What this batch does not touch is stored as a whole.
  const storedTop = draft.conversation(conversationId) ? Math.min(draft.storedLastSeq(conversationId), upToSeq) : upToSeq;
  const stored = afterSeq < storedTop ? (await tx.countUnread(conversationId, userId, afterSeq, storedTop)).unread : 0;
  return stored + draft.added(conversationId).filter((m) => m.seq > afterSeq && m.seq <= upToSeq && m.from !== userId).length;
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
  if (!position || !state || !draft.members(id).has(userId)) return "NOT_A_MEMBER";
  const readSeq = Math.min(read.seq, supergroup.lastSeq);
  if (readSeq <= position.readSeq) return "OK";
  const { origin } = state;
  let unread = await countAfter(draft, context, id, userId, readSeq, supergroup.lastSeq);
  if (origin && readSeq < origin.seq) unread += await countAfter(draft, context, origin.conversationId, userId, readSeq, origin.seq);
  draft.dialogs.putPosition(userId, supergroup, { readSeq, readCount: state.messageCount - unread, unread, unreadMentions: 0 });
  draft.tell([userId], "READ", id, { user_id: userId, peer: id, read_seq: readSeq, unread, unread_mentions: 0 });
  return "OK";
};
