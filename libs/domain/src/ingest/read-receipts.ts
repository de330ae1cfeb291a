import type { IngestTransaction } from "@dunlin/engines/store";
import { pairOf } from "../ids.js";
import { isClosed } from "../relation.js";
import type { ConversationDraft, Draft } from "./draft.js";

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
 * Tells those whose messages were read: in a 1:1 the peer (the read receipt), unless one of the two has blocked the other; in a
 * group the authors, while the reader is a member.
 */
export const tellAuthors = async (
  draft: Draft,
  tx: IngestTransaction,
  { id, kind }: ConversationDraft,
  { userId, peer }: { readonly userId: string; readonly peer: string },
  afterSeq: number,
  readSeq: number,
): Promise<void> => {
  if (readSeq <= afterSeq) return;
  if (pairOf(id)) {
    if (!isClosed(draft.relation(userId, peer))) draft.tell([peer], "READ", id, { user_id: userId, peer: userId, read_seq: readSeq });
    return;
  }
  if (kind !== "group" || !draft.members(id).has(userId)) return;
  for (const author of await authorsRead(draft, tx, id, afterSeq, readSeq)) {
    if (author !== userId) draft.receipts.note(id, author, userId, readSeq);
  }
};
