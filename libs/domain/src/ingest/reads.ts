import type { IngestTransaction } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { conversationIdOf, isSupergroupId, isUserId, pairOf } from "../ids.js";
import { isClosed } from "../relation.js";
import { setDialog } from "./dialogs.js";
import type { Draft } from "./draft.js";
import type { Rule, RuleContext } from "./rule.js";
import { readSupergroup } from "./supergroup-reads.js";
import { unreadBehind } from "./unread.js";

/** Of what is read at once, the newest messages whose authors are told; a limit, because somebody may come back after a year. */
const RECEIPT_MESSAGES_MAX = 1_000;

/** Who has written what lies in (afterSeq, upToSeq]. */
const authorsRead = async (
  draft: Draft,
  tx: IngestTransaction,
  conversationId: string,
  afterSeq: number,
  upToSeq: number,
): Promise<Set<string>> => {
  const from = Math.max(afterSeq, upToSeq - RECEIPT_MESSAGES_MAX);
  const storedTop = Math.min(upToSeq, draft.storedLastSeq(conversationId));
  const authors = new Set(from < storedTop ? await tx.authors(conversationId, from, storedTop) : []);
  for (const message of draft.added(conversationId)) if (message.seq > from && message.seq <= upToSeq) authors.add(message.from);
  return authors;
};

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
  if (pairOf(conversation.id) && !isClosed(draft.relation(read.userId, read.peer))) {
    draft.tell([read.peer], "READ", conversation.id, { user_id: read.userId, peer: read.userId, read_seq: readSeq });
  } else if (conversation.kind === "group" && draft.members(conversation.id).has(read.userId)) {
    for (const author of await authorsRead(draft, tx, conversation.id, dialog.readSeq, readSeq)) {
      if (author !== read.userId) draft.receipts.note(conversation.id, author, read.userId, readSeq);
    }
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
    if (isSupergroupId(read.peer)) needs.member(read.peer, read.userId);
  },
  apply: applyRead,
};
