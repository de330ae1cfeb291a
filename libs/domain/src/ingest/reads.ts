import type { ErrorCode, queue } from "@dunlin/proto";
import { conversationIdOf, isUserId, pairOf } from "../ids.js";
import { isClosed } from "../relation.js";
import type { Draft } from "./draft.js";
import { MENTION_ALL } from "./messages.js";
import type { Rule, RuleContext } from "./rule.js";

/**
 * Moves a user's read position forward, never back, and counts again what of others lies behind it.
 * The user's devices learn it; in a 1:1 the peer does too (the read receipt), unless one of
 * the two has blocked the other.
 */
const applyRead = async (draft: Draft, read: queue.MarkRead, { tx }: RuleContext): Promise<ErrorCode> => {
  const dialog = draft.dialog(read.userId, read.peer);
  const conversation = draft.conversation(read.conversationId);
  if (!dialog || !conversation) return "NOT_FOUND";
  const readSeq = Math.min(read.seq, dialog.topSeq);
  if (readSeq <= dialog.readSeq) return "OK";
  let unread = 0;
  let unreadMentions = 0;
  const storedTop = Math.min(draft.storedLastSeq(conversation.id), dialog.topSeq);
  if (readSeq < storedTop) {
    const stored = await tx.countUnread(conversation.id, read.userId, readSeq, storedTop);
    unread = stored.unread;
    unreadMentions = stored.mentions;
  }
  for (const message of draft.added(conversation.id)) {
    if (message.seq <= readSeq || message.seq > dialog.topSeq || message.from === read.userId) continue;
    unread += 1;
    const mentions = message.mentions === null ? [] : (JSON.parse(message.mentions) as string[]);
    if (mentions.includes(read.userId) || mentions.includes(MENTION_ALL)) unreadMentions += 1;
  }
  draft.readDialog(read.userId, read.peer, conversation, { readSeq, unread, unreadMentions });
  draft.tell([read.userId], "READ", conversation.id, {
    user_id: read.userId,
    peer: read.peer,
    read_seq: readSeq,
    unread,
    unread_mentions: unreadMentions,
  });
  if (pairOf(conversation.id) && !isClosed(draft.relation(read.userId, read.peer))) {
    draft.tell([read.peer], "READ", conversation.id, { user_id: read.userId, peer: read.userId, read_seq: readSeq });
  }
  return "OK";
};

export const readRule: Rule<queue.MarkRead> = {
  conversation: (read) => read.conversationId,
  problem: (read) => {
    if (!isUserId(read.userId) || read.conversationId !== conversationIdOf(read.userId, read.peer)) return "unknown conversation";
    return Number.isSafeInteger(read.seq) && read.seq >= 0 ? undefined : "wrong seq";
  },
  needs: (read, needs) => {
    needs.user(read.userId);
    needs.dialog(read.userId, read.peer);
  },
  apply: applyRead,
};
