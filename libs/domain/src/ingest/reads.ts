import type { ErrorCode, queue } from "@dunlin/proto";
import { conversationIdOf, isSupergroupId, isUserId } from "../ids.js";
import { setDialog } from "./dialogs.js";
import type { Draft } from "./draft.js";
import { tellAuthors } from "./read-receipts.js";
import type { Rule, RuleContext } from "./rule.js";
import { readSupergroup } from "./supergroup-reads.js";
import { unreadBehind } from "./unread.js";

/**
 * Moves a user's read position forward, never back, and counts again what of others lies behind it.
 * The user's devices learn it; in a 1:1 the peer does too (the read receipt), unless one of
 * the two has blocked the other; in a group those whose messages were read do.
 */
const applyRead = async (draft: Draft, read: queue.MarkRead, context: RuleContext): Promise<ErrorCode> => {
  const dialog = draft.dialogs.get(read.userId, read.peer);
  const conversation = draft.conversation(read.conversationId);
  if (!dialog || !conversation) return "NOT_FOUND";
  if (read.seq >= dialog.readSeq && draft.views.view(read.userId, read.peer).markedUnread) {
    setDialog(
      draft,
      { userId: read.userId, peer: read.peer, conversationId: conversation.id, kind: conversation.kind },
      { markedUnread: false },
    );
  }
  if (conversation.kind === "supergroup") return readSupergroup(draft, conversation, read, context);
  const { tx } = context;
  const readSeq = Math.min(read.seq, dialog.topSeq);
  if (readSeq <= dialog.readSeq) return "OK";
  const { unread, unreadMentions } = await unreadBehind(draft, tx, read.userId, conversation, readSeq, dialog.topSeq);
  draft.dialogs.read(read.userId, read.peer, conversation, { readSeq, unread, unreadMentions });
  draft.tell([read.userId], "READ", conversation.id, {
    user_id: read.userId,
    peer: read.peer,
    read_seq: readSeq,
    unread,
    unread_mentions: unreadMentions,
  });
  await tellAuthors(draft, tx, conversation, read, dialog.readSeq, readSeq);
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
    if (isSupergroupId(read.peer)) needs.member(read.peer, read.userId);
  },
  apply: applyRead,
};
