import type { IngestTransaction, MessageRow } from "@dunlin/engines/store";
import type { ConversationDraft, Draft } from "./draft.js";
import { MENTION_ALL } from "./messages.js";

/** What is unread of a conversation: one count everywhere, so that it never drifts from the messages. */
export interface Unread {
  readonly unread: number;
  readonly unreadMentions: number;
}

export const isMentioned = (message: MessageRow, userId: string): boolean => {
  if (message.mentions === null) return false;
  const mentions = JSON.parse(message.mentions) as string[];
  return mentions.includes(userId) || mentions.includes(MENTION_ALL);
};

/** Whether a message counts as unread in a user's dialog as both are now. */
const counts = (draft: Draft, userId: string, peer: string, message: MessageRow): boolean => {
  if (message.from === userId || message.recalledAt !== null) return false;
  const dialog = draft.dialogs.get(userId, peer);
  if (!dialog || message.seq <= dialog.readSeq || message.seq > dialog.topSeq) return false;
  return !draft.annotations.isHidden({ userId, conversationId: message.conversationId, seq: message.seq });
};

/**
 * Takes a message that is about to go, for everybody or for this user, off what is unread in the user's dialog. The batch
 * must have asked for the user's view of the message.
 * @returns the counts then, undefined when it did not count.
 */
export const discount = (
  draft: Draft,
  conversation: ConversationDraft,
  userId: string,
  peer: string,
  message: MessageRow,
): Unread | undefined => {
  if (!counts(draft, userId, peer, message)) return undefined;
  return draft.dialogs.addToUnread(userId, peer, conversation, -1, isMentioned(message, userId) ? -1 : 0);
};

/** What of others lies behind a place in a user's dialog, up to and including `upToSeq`. */
export const unreadBehind = async (
  draft: Draft,
  tx: IngestTransaction,
  userId: string,
  conversation: Pick<ConversationDraft, "id">,
  afterSeq: number,
  upToSeq: number,
): Promise<Unread> => {
  const { id } = conversation;
  let unread = 0;
  let unreadMentions = 0;
  // What this batch does not touch is stored as a whole.
  const storedTop = draft.conversation(id) ? Math.min(draft.storedLastSeq(id), upToSeq) : upToSeq;
  if (afterSeq < storedTop) {
    const stored = await tx.countUnread(id, userId, afterSeq, storedTop);
    const gone = draft.annotations.uncounted(id, userId, afterSeq, storedTop);
    unread = stored.unread - gone.length;
    unreadMentions = stored.mentions - gone.filter((message) => isMentioned(message, userId)).length;
  }
  for (const message of draft.added(id)) {
    if (message.seq <= afterSeq || message.seq > upToSeq || message.from === userId || message.recalledAt !== null) continue;
    if (draft.annotations.isHidden({ userId, conversationId: id, seq: message.seq })) continue;
    unread += 1;
    if (isMentioned(message, userId)) unreadMentions += 1;
  }
  return { unread, unreadMentions };
};
