import type { ErrorCode, queue } from "@dunlin/proto";
import { hasBlocked, withBlock } from "../relation.js";
import { endRequest } from "./contacts.js";
import type { Draft } from "./draft.js";
import { newConversation } from "./messages.js";
import { pairProblem } from "./pair-problem.js";
import type { Rule, RuleContext } from "./rule.js";

/** Users that one may keep away at a time. */
export const BLOCKS_MAX = 5_000;

/**
 * A user keeps another one away, or no longer does. Only the user's own devices
 * learn it; a request that waits between the two ends as if it had been refused.
 */
const applySetBlock = async (draft: Draft, block: queue.SetBlock, { tx }: RuleContext): Promise<ErrorCode> => {
  const { userId, peer, conversationId, blocked } = block;
  if (!draft.userExists(userId)) return "NOT_FOUND";
  if (!draft.userExists(peer)) return "PEER_NOT_FOUND";
  const relation = draft.relation(userId, peer);
  if (hasBlocked(relation, userId, peer) === blocked) return "OK";
  if (blocked && (await draft.people.counts(tx, userId)).blocks >= BLOCKS_MAX) return "LIST_FULL";
  const conversation = draft.conversation(conversationId) ?? newConversation(draft, conversationId, "user");
  conversation.relation = withBlock(relation, userId, peer, blocked);
  draft.putConversation(conversation);
  if (blocked) draft.people.putBlock({ userId, peer, since: draft.now });
  else draft.people.removeBlock(userId, peer);
  draft.tell([userId], "BLOCK", conversationId, { user_id: peer, blocked, at: draft.now });
  if (blocked) endRequest(draft, block);
  return "OK";
};

export const setBlockRule: Rule<queue.SetBlock> = {
  conversation: (block) => block.conversationId,
  problem: pairProblem,
  needs: (block, needs) => needs.people.contact(block.userId, block.peer),
  apply: applySetBlock,
};
