import type { ErrorCode, queue } from "@dunlin/proto";
import { groupLimits } from "../group-rules.js";
import { acting, anyGroupProblem, groupFields, membersWho, needActing } from "./acting.js";
import type { ConversationDraft, Draft } from "./draft.js";
import { hasRoom, letIn } from "./membership.js";
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

/** How many requests to be let into a group wait now, those of this batch included. */
const waitingIn = async (draft: Draft, tx: RuleContext["tx"], groupId: string): Promise<number> => {
  const { now } = draft;
  const added = draft.groups.joinRequests.more((row) => row.conversationId === groupId && !row.refused && row.expiresAt > now);
  return (await tx.countJoinRequests(groupId, now)) + added;
};

/**
 * Comes in by an invite link, or asks to where that needs approval. A link is used by either; who is in already, or is
 * waiting, uses nothing.
 */
const applyJoinGroup = async (draft: Draft, joining: queue.JoinGroup, { tx, limits }: RuleContext): Promise<ErrorCode> => {
  const { groupId, userId, link, at } = joining;
  const group = draft.conversation(groupId);
  if (group?.kind !== "group" && group?.kind !== "supergroup") return "NOT_FOUND";
  if (draft.members(group.id).has(userId)) return "OK";
  const settings = draft.groups.settings(group.id);
  if (settings.dissolvedAt > 0) return "GROUP_DISSOLVED";
  const over =
    (settings.linkExpiresAt > 0 && settings.linkExpiresAt <= at) || (settings.linkMaxUses > 0 && settings.linkUses >= settings.linkMaxUses);
  const asked = draft.groups.joinRequests.get(group.id, userId);
  const waiting = asked !== undefined && asked.expiresAt > at;
  if (settings.join === "approval" && waiting && !asked.refused) return "OK";
  if (settings.link === "" || settings.link !== link || settings.join === "invite" || over) return "LINK_INVALID";
  if ((draft.groups.restrictions.get(group.id, userId)?.bannedAt ?? 0) > 0) return "BANNED";
  if (!draft.userExists(userId)) return "PEER_NOT_FOUND";
  if (!hasRoom(draft, group, 1, limits)) return "GROUP_FULL";
  if (settings.join === "approval") {
    if (waiting) return "JOIN_REFUSED";
    if ((await waitingIn(draft, tx, group.id)) >= groupLimits.joinRequests) return "JOIN_REQUESTS_FULL";
  }
  draft.groups.putSettings({ ...settings, linkUses: settings.linkUses + 1 });
  if (settings.join === "approval") {
    const { message, expiresAt } = joining;
    draft.groups.joinRequests.put({ conversationId: group.id, userId, message, requestedAt: draft.now, expiresAt, refused: false });
    tellRequest(draft, group, userId, { state: "pending", message, requested_at: draft.now, expires_at: expiresAt });
    return "OK";
  }
  letIn(draft, group, [userId], { action: "joined", by: userId });
  return "OK";
};

export const joinGroupRule: Rule<queue.JoinGroup> = {
  conversation: (joining) => joining.groupId,
  problem: (joining) => anyGroupProblem(joining.groupId, [joining.userId]),
  needs: ({ groupId, userId }, needs) => {
    needs.user(userId);
    needs.place(groupId, userId);
    needActing(needs, groupId, [userId], "leaders");
  },
  apply: applyJoinGroup,
};

/**
 * Lets in who has asked, or does not: then the user may not ask again for a while. Who got in meanwhile, or whose request has
 * expired, has none any more.
 */
const applyAnswerJoinRequest = (
  draft: Draft,
  { groupId, actorId, userId, accept }: queue.AnswerJoinRequest,
  { limits }: RuleContext,
): ErrorCode => {
  const scene = acting(draft, groupId, actorId, "answerJoinRequests");
  if (typeof scene === "string") return scene;
  const { group } = scene;
  const request = draft.groups.joinRequests.get(group.id, userId);
  if (!request || request.refused || request.expiresAt <= draft.now) return "NOT_FOUND";
  if (accept && !hasRoom(draft, group, 1, limits)) return "GROUP_FULL";
  if (accept || limits.joinRequestPauseMs === 0) draft.groups.joinRequests.remove(group.id, userId);
  else draft.groups.joinRequests.put({ ...request, message: "", expiresAt: draft.now + limits.joinRequestPauseMs, refused: true });
  tellRequest(draft, group, userId, { state: accept ? "accepted" : "refused", by: actorId });
  if (accept) letIn(draft, group, [userId], { action: "joined", by: actorId });
  return "OK";
};

export const answerJoinRequestRule: Rule<queue.AnswerJoinRequest> = {
  conversation: (answer) => answer.groupId,
  problem: (answer) => anyGroupProblem(answer.groupId, [answer.actorId, answer.userId]),
  needs: ({ groupId, actorId, userId }, needs) => {
    needs.user(userId);
    needs.place(groupId, userId);
    needActing(needs, groupId, [actorId, userId], "leaders");
  },
  apply: applyAnswerJoinRequest,
};
