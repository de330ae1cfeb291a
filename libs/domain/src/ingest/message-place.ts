import type { MemberRow, MessageRow } from "@dunlin/engines/store";
import type { ErrorCode } from "@dunlin/proto";
import { isGroupId, isMessageId, isUserId, pairOf } from "../ids.js";
import { isClosed } from "../relation.js";
import type { ConversationDraft, Draft } from "./draft.js";

/** What every command that changes a message names: the message, its conversation, and who changes it. */
export interface MessageCommand {
  readonly id: string;
  readonly conversationId: string;
  readonly userId: string;
}

export const problemOfPlace = ({ id, conversationId, userId }: MessageCommand): string | undefined => {
  if (!isMessageId(id)) return "wrong message id";
  if (!isUserId(userId)) return "wrong user";
  if (isGroupId(conversationId)) return undefined;
  const pair = pairOf(conversationId);
  return pair?.includes(userId) && pair.every(isUserId) && pair[0] < pair[1] ? undefined : "unknown conversation";
};

/** A message in its conversation, as somebody who can see it finds it. */
export interface MessagePlace {
  readonly conversation: ConversationDraft;
  readonly message: MessageRow;
  /** Who changes it, as a member; undefined in a 1:1. */
  readonly member: MemberRow | undefined;
  /** Everybody who can see it. */
  readonly viewers: readonly string[];
}

/** Finds the message that a command names. @returns the code of the refusal when its user may not see it */
export const placeOf = (draft: Draft, { id, conversationId, userId }: MessageCommand): MessagePlace | ErrorCode => {
  const conversation = draft.conversation(conversationId);
  const message = draft.message(id);
  if (!conversation || message?.conversationId !== conversationId) return "NOT_FOUND";
  const pair = pairOf(conversationId);
  if (pair) return pair.includes(userId) ? { conversation, message, member: undefined, viewers: pair } : "NOT_FOUND";
  const members = draft.members(conversationId);
  const member = members.get(userId);
  if (!member) return "NOT_A_MEMBER";
  if (member.joinedSeq >= message.seq) return "NOT_FOUND";
  const viewers = [...members.values()].filter((m) => m.joinedSeq < message.seq).map((m) => m.userId);
  return { conversation, message, member, viewers };
};

/** The dialog in which a user sees a conversation. */
export const peerOf = (conversationId: string, userId: string): string => {
  const pair = pairOf(conversationId);
  if (!pair) return conversationId;
  return pair[0] === userId ? pair[1] : pair[0];
};

/** Why nothing new is shown in a conversation: its group is dissolved, or one of the two has blocked the other. */
export const closedBy = (draft: Draft, { conversation, member, viewers }: MessagePlace): ErrorCode | undefined => {
  if (member) return draft.groups.settings(conversation.id).dissolvedAt > 0 ? "GROUP_DISSOLVED" : undefined;
  const [a = "", b = ""] = viewers;
  return isClosed(draft.relation(a, b)) ? "PEER_REFUSES" : undefined;
};
