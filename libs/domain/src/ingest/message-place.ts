import type { MemberRow, MessageRow } from "@dunlin/engines/store";
import type { ErrorCode } from "@dunlin/proto";
import { isGroupId, isMessageId, isSupergroupId, isUserId, pairOf } from "../ids.js";
import { isClosed } from "../relation.js";
import type { ConversationDraft, Draft } from "./draft.js";
import type { Needs } from "./rule.js";

/** What every command that changes a message names: the message, its conversation, and who changes it. */
export interface MessageCommand {
  readonly id: string;
  readonly conversationId: string;
  readonly userId: string;
}

export const problemOfPlace = ({ id, conversationId, userId }: MessageCommand): string | undefined => {
  if (!isMessageId(id)) return "wrong message id";
  if (!isUserId(userId)) return "wrong user";
  if (isGroupId(conversationId) || isSupergroupId(conversationId)) return undefined;
  const pair = pairOf(conversationId);
  return pair?.includes(userId) && pair.every(isUserId) && pair[0] < pair[1] ? undefined : "unknown conversation";
};

/** A message in its conversation, as somebody who can see it finds it. */
export interface MessagePlace {
  readonly conversation: ConversationDraft;
  readonly message: MessageRow;
  /** Who changes it, as a member; undefined in a 1:1. */
  readonly member: MemberRow | undefined;
  /** Everybody who can see it; of a supergroup nobody is named: they read its log. */
  readonly viewers: readonly string[];
}

/** What a batch has to know of the message, and of who changes it. */
export const needPlace = ({ id, conversationId, userId }: MessageCommand, needs: Needs): void => {
  needs.named.message(id);
  if (!isSupergroupId(conversationId)) return;
  needs.user(userId);
  needs.member(conversationId, userId);
};

/** Messages of the group that a supergroup once was are the supergroup's. */
export const isIn = ({ id, supergroup }: ConversationDraft, message: MessageRow): boolean =>
  message.conversationId === id ||
  (supergroup?.origin !== undefined && message.conversationId === supergroup.origin.conversationId && message.seq <= supergroup.origin.seq);

/** Finds the message that a command names. @returns the code of the refusal when its user may not see it */
export const placeOf = (draft: Draft, { id, conversationId, userId }: MessageCommand): MessagePlace | ErrorCode => {
  const conversation = draft.conversation(conversationId);
  const message = draft.message(id);
  if (!conversation || !message || !isIn(conversation, message)) return "NOT_FOUND";
  const pair = pairOf(conversationId);
  if (pair) return pair.includes(userId) ? { conversation, message, member: undefined, viewers: pair } : "NOT_FOUND";
  const members = draft.members(conversationId);
  const member = members.get(userId);
  if (!member) return "NOT_A_MEMBER";
  if (member.joinedSeq >= message.seq) return "NOT_FOUND";
  if (conversation.supergroup) return { conversation, message, member, viewers: [] };
  return { conversation, message, member, viewers: draft.viewers(conversationId, message.seq) };
};

/** The dialog in which a user sees a conversation. */
export const peerOf = (conversationId: string, userId: string): string => {
  const pair = pairOf(conversationId);
  if (!pair) return conversationId;
  return pair[0] === userId ? pair[1] : pair[0];
};

/** Tells everybody who can see a message what became of it: each in an own log, or all in the one of a supergroup. */
export const tellChange = (
  draft: Draft,
  { conversation, message, viewers }: MessagePlace,
  type: string,
  fields: Record<string, unknown>,
): void => {
  const { id, seq } = message;
  if (conversation.supergroup) draft.enter(conversation, type, { id, message_seq: seq, ...fields });
  else draft.tell(viewers, type, conversation.id, { id, seq, ...fields });
};

/** Why nothing new is shown in a conversation: its group is dissolved, or one of the two has blocked the other. */
export const closedBy = (draft: Draft, { conversation, member, viewers }: MessagePlace): ErrorCode | undefined => {
  if (member) return draft.groups.settings(conversation.id).dissolvedAt > 0 ? "GROUP_DISSOLVED" : undefined;
  const [a = "", b = ""] = viewers;
  return isClosed(draft.relation(a, b)) ? "PEER_REFUSES" : undefined;
};
