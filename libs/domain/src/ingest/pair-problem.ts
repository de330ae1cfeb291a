import { conversationIdOf, isUserId } from "../ids.js";

/** Why a command about two users can never be applied. */
export const pairProblem = (value: { conversationId: string; userId: string; peer: string }): string | undefined => {
  if (!isUserId(value.userId) || !isUserId(value.peer) || value.userId === value.peer) return "wrong user id";
  return value.conversationId === conversationIdOf(value.userId, value.peer) ? undefined : "unknown conversation";
};
