import type { DialogRow } from "@dunlin/engines/store";
import { messageText } from "./frames.js";
import type { RequestStore } from "./guarded-store.js";

const placeOf = (conversationId: string, seq: number): string => `${conversationId} ${seq}`;

/**
 * Dialog rows of one user as JSON text, as HTTP shows them: with title and avatar (a 1:1 has those of the peer) and the
 * newest message. A group's message from before the user joined is not shown, nor one from after the user left.
 * A message that the user has deleted is not shown either, but the newest one before it.
 * Five look-ups whatever the number of rows, and one for each dialog whose newest message is deleted.
 */
export const dialogTexts = async (
  store: Pick<RequestStore, "users" | "conversations" | "messages" | "annotations">,
  userId: string,
  rows: readonly DialogRow[],
): Promise<string[]> => {
  const peers = rows.filter((row) => row.kind === "user").map((row) => row.peer);
  const shared = rows.filter((row) => row.kind !== "user").map((row) => row.conversationId);
  const places = rows.filter((row) => row.topSeq > 0).map((row) => ({ conversationId: row.conversationId, seq: row.topSeq }));
  const [users, conversations, memberships, messages, hidden] = await Promise.all([
    peers.length > 0 ? store.users.get(peers) : [],
    shared.length > 0 ? store.conversations.get(shared) : [],
    shared.length > 0 ? store.conversations.memberships(userId, shared) : [],
    places.length > 0 ? store.messages.at(places) : [],
    places.length > 0 ? store.annotations.hidden(places.map((place) => ({ userId, ...place }))) : [],
  ]);
  const userById = new Map(users.map((user) => [user.id, user]));
  const conversationById = new Map(conversations.map((conversation) => [conversation.id, conversation]));
  const joinedSeq = new Map(memberships.map((member) => [member.conversationId, member.joinedSeq]));
  const messageAt = new Map(messages.map((message) => [placeOf(message.conversationId, message.seq), message]));
  for (const { conversationId, seq } of hidden) {
    const [before] = await store.messages.history({ conversationId, beforeSeq: seq, limit: 1, viewer: userId });
    if (before) messageAt.set(placeOf(conversationId, seq), before);
    else messageAt.delete(placeOf(conversationId, seq));
  }
  return rows.map((row) => {
    const user = row.kind === "user" ? userById.get(row.peer) : undefined;
    const conversation = row.kind === "user" ? undefined : conversationById.get(row.conversationId);
    const { kind, conversationId, clearedSeq, leftSeq } = row;
    // Who has left still sees what there was until then.
    const joined = kind === "user" || leftSeq !== null ? 0 : (joinedSeq.get(conversationId) ?? Number.POSITIVE_INFINITY);
    const newest = messageAt.get(placeOf(conversationId, row.topSeq));
    const top = newest && newest.seq > Math.max(joined, clearedSeq) ? newest : undefined;
    const head = JSON.stringify({
      peer: row.peer,
      conversation_id: row.conversationId,
      kind: row.kind,
      title: user?.nickname ?? (leftSeq === null ? conversation?.title : row.leftTitle) ?? "",
      avatar: user?.avatar ?? (leftSeq === null ? conversation?.avatar : row.leftAvatar) ?? "",
      top_seq: row.topSeq,
      read_seq: row.readSeq,
      unread: row.unread,
      unread_mentions: row.unreadMentions,
      pinned: row.pinned > 0,
      pin_order: row.pinned,
      muted_until: row.mutedUntil,
      draft: row.draft,
      archived: row.archived,
      marked_unread: row.markedUnread,
      left_seq: row.leftSeq,
      updated_at: row.updatedAt,
    });
    // The message is JSON text already: it is put in, not parsed and written again.
    return `${head.slice(0, -1)},"top_message":${top ? messageText(top) : "null"}}`;
  });
};
