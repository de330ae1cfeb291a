import { MARK_ALL, MARK_RECALLED, type MessageRow, type SupergroupMark } from "@dunlin/engines/store";
import type { ConversationDraft, Draft } from "./draft.js";

/** The mark for mentioning everybody is the mention itself. */
const mentionsOf = (mentions: string | null): string[] => (mentions === null ? [] : (JSON.parse(mentions) as string[]));

/** Keeps whom a message mentions, for as long as it is there. */
export const markMentions = (
  draft: Draft,
  conversationId: string,
  message: Pick<MessageRow, "seq" | "from" | "mentions">,
  liesIn: string,
): void => {
  for (const mark of mentionsOf(message.mentions)) {
    draft.supergroups.mark({ conversationId, mark, seq: message.seq, senderId: message.from, liesIn });
  }
};

/** A recalled message mentions nobody any more, and is not unread for those who have it before them. */
export const markRecalled = (draft: Draft, conversationId: string, message: MessageRow): void => {
  const mark: Omit<SupergroupMark, "mark"> = {
    conversationId,
    seq: message.seq,
    senderId: message.from,
    liesIn: message.conversationId,
  };
  for (const mentioned of mentionsOf(message.mentions)) draft.supergroups.unmark({ ...mark, mark: mentioned });
  draft.supergroups.mark({ ...mark, mark: MARK_RECALLED });
};

/**
 * Tells those whom a new message of a supergroup names, and whose message it replies to, in their own logs; who is not
 * connected gets a push. They are few, however many members there are. Who is mentioned with everybody reads it in the log.
 */
export const tellNamed = (
  draft: Draft,
  supergroup: ConversationDraft,
  message: MessageRow,
  replied: MessageRow | undefined,
  push: string | undefined,
): void => {
  const { id, seq, from } = message;
  const mentioned = mentionsOf(message.mentions).filter((userId) => userId !== MARK_ALL && userId !== from);
  const fields = { peer: supergroup.id, id, seq, from };
  const pushed = { message, push };
  if (mentioned.length > 0) draft.tell(mentioned, "MENTION", supergroup.id, { ...fields, reason: "mention" }, pushed);
  const author = replied?.from;
  if (author === undefined || author === from || mentioned.includes(author) || !draft.members(supergroup.id).has(author)) return;
  draft.tell([author], "MENTION", supergroup.id, { ...fields, reason: "reply" }, pushed);
};
