import type { ErrorCode, queue } from "@dunlin/proto";
import { acting, groupFields, groupProblem, membersWho } from "./acting.js";
import type { ConversationDraft, Draft } from "./draft.js";
import { letIn } from "./group-members.js";
import type { Rule, RuleContext } from "./rule.js";

/** Tells those who decide, and the one who asks, where a request to be let in stands. */
const tellRequest = (
  draft: Draft,
  group: ConversationDraft,
  userId: string,
  fields: { state: "pending" | "accepted" | "refused" } & Record<string, unknown>,
): void =>
  draft.tell([...membersWho("answerJoinRequests", draft.members(group.id)), userId], "JOIN_REQUEST", group.id, {
    ...groupFields(group),
    user_id: userId,
    ...fields,
  });

/**
 * Comes in by an invite link, or asks to where that needs approval. A link is used by either; who is in already, or is
 * waiting, uses nothing.
 */
const applyJoinGroup = (draft: Draft, joining: queue.JoinGroup, { limits }: RuleContext): ErrorCode => {
  const { groupId, userId, link, at } = joining;
  const group = draft.conversation(groupId);
  if (group?.kind !== "group") return "NOT_FOUND";
  const members = draft.members(group.id);
  if (members.has(userId)) return "OK";
  const settings = draft.groups.settings(group.id);
  if (settings.dissolvedAt > 0) return "GROUP_DISSOLVED";
  const over =
    (settings.linkExpiresAt > 0 && settings.linkExpiresAt <= at) || (settings.linkMaxUses > 0 && settings.linkUses >= settings.linkMaxUses);
  const waiting = draft.groups.joinRequests.get(group.id, userId);
  if (settings.join === "approval" && waiting && waiting.expiresAt > at) return "OK";
  if (settings.link === "" || settings.link !== link || settings.join === "invite" || over) return "LINK_INVALID";
  if ((draft.groups.restrictions.get(group.id, userId)?.bannedAt ?? 0) > 0) return "BANNED";
  if (!draft.userExists(userId)) return "PEER_NOT_FOUND";
  if (members.size >= limits.groupMembersMax) return "GROUP_FULL";
  draft.groups.putSettings({ ...settings, linkUses: settings.linkUses + 1 });
  if (settings.join === "approval") {
    const { message, expiresAt } = joining;
    draft.groups.joinRequests.put({ conversationId: group.id, userId, message, requestedAt: draft.now, expiresAt });
    tellRequest(draft, group, userId, { state: "pending", message, requested_at: draft.now, expires_at: expiresAt });
    return "OK";
  }
  letIn(draft, group, userId, "member");
  draft.tell(members.keys(), "MEMBER", group.id, { ...groupFields(group), action: "joined", by: userId, user_ids: [userId] });
  return "OK";
};

export const joinGroupRule: Rule<queue.JoinGroup> = {
  conversation: (joining) => joining.groupId,
  problem: (joining) => groupProblem(joining.groupId, [joining.userId]),
  needs: (joining, needs) => {
    needs.user(joining.userId);
    needs.place(joining.groupId, joining.userId);
  },
  apply: applyJoinGroup,
};

/** Lets in who has asked, or does not. Who got in meanwhile, or whose request has expired, has none any more. */
const applyAnswerJoinRequest = (
  draft: Draft,
  { groupId, actorId, userId, accept }: queue.AnswerJoinRequest,
  { limits }: RuleContext,
): ErrorCode => {
  const scene = acting(draft, groupId, actorId, "answerJoinRequests");
  if (typeof scene === "string") return scene;
  const { group, members } = scene;
  const request = draft.groups.joinRequests.get(group.id, userId);
  if (!request || request.expiresAt <= draft.now) return "NOT_FOUND";
  if (accept && members.size >= limits.groupMembersMax) return "GROUP_FULL";
  if (accept) letIn(draft, group, userId, "member");
  else draft.groups.joinRequests.remove(group.id, userId);
  tellRequest(draft, group, userId, { state: accept ? "accepted" : "refused", by: actorId });
  if (accept) {
    draft.tell(members.keys(), "MEMBER", group.id, { ...groupFields(group), action: "joined", by: actorId, user_ids: [userId] });
  }
  return "OK";
};

export const answerJoinRequestRule: Rule<queue.AnswerJoinRequest> = {
  conversation: (answer) => answer.groupId,
  problem: (answer) => groupProblem(answer.groupId, [answer.actorId, answer.userId]),
  needs: (answer, needs) => {
    needs.user(answer.userId);
    needs.place(answer.groupId, answer.userId);
  },
  apply: applyAnswerJoinRequest,
};
