import type { ErrorCode, queue } from "@dunlin/proto";
import { allowed, allowedOn } from "../permissions.js";
import { acting, groupProblem } from "./acting.js";
import type { ConversationDraft, Draft } from "./draft.js";
import { hasRoom, letGo, letIn, mayLeave } from "./membership.js";
import { needAdding, refusesToBeAdded } from "./refusals.js";
import type { Rule, RuleContext } from "./rule.js";

/** Creates a group; again with the same id changes nothing. */
const applyCreateGroup = (draft: Draft, create: queue.CreateGroup, { limits }: RuleContext): ErrorCode => {
  const existing = draft.conversation(create.groupId);
  if (existing) return existing.ownerId === create.ownerId ? "OK" : "CONFLICT";
  const members = new Set([create.ownerId, ...create.members]);
  if (members.size > limits.groupMembersMax) return "GROUP_FULL";
  for (const userId of members) if (!draft.userExists(userId)) return "PEER_NOT_FOUND";
  for (const userId of members) if (refusesToBeAdded(draft, create.ownerId, userId)) return "ADD_REFUSED";
  const group: ConversationDraft = {
    id: create.groupId,
    kind: "group",
    lastSeq: 0,
    title: create.title,
    avatar: create.avatar,
    ownerId: create.ownerId,
    createdAt: create.createdAt,
  };
  draft.putConversation(group);
  letIn(draft, group, [...members], { action: "created", by: create.ownerId });
  return "OK";
};

/**
 * A member brings others in; who is in already stays as it is. Where joining needs approval, only those who give it do so.
 */
const applyAddMembers = (draft: Draft, add: queue.AddMembers, { limits }: RuleContext): ErrorCode => {
  const scene = acting(draft, add.groupId, add.actorId, "addMembers");
  if (typeof scene === "string") return scene;
  const { group, members, actor, settings } = scene;
  if (settings.join === "approval" && !allowed("answerJoinRequests", actor.role)) return "FORBIDDEN";
  const joining = [...new Set(add.members)].filter((userId) => !members.has(userId));
  if (joining.length === 0) return "OK";
  for (const userId of joining) {
    if (!draft.userExists(userId)) return "PEER_NOT_FOUND";
    if ((draft.groups.restrictions.get(group.id, userId)?.bannedAt ?? 0) > 0) return "BANNED";
    if (refusesToBeAdded(draft, add.actorId, userId)) return "ADD_REFUSED";
  }
  if (!hasRoom(draft, group, joining.length, limits)) return "GROUP_FULL";
  letIn(draft, group, joining, { action: "added", by: add.actorId });
  return "OK";
};

/**
 * A member leaves, or is removed by the owner or an admin (an admin removes members only). An owner who is not alone hands the
 * group over or dissolves it first.
 */
const applyRemoveMember = (draft: Draft, remove: queue.RemoveMember): ErrorCode => {
  const group = draft.conversation(remove.groupId);
  if (group?.kind !== "group") return "NOT_FOUND";
  const members = draft.members(group.id);
  const target = members.get(remove.userId);
  const leaving = remove.actorId === remove.userId;
  // A leave that is repeated has its effect already.
  if (!target) return leaving || members.has(remove.actorId) ? "OK" : "NOT_A_MEMBER";
  if (!leaving) {
    const actor = members.get(remove.actorId);
    if (!actor) return "NOT_A_MEMBER";
    if (draft.groups.settings(group.id).dissolvedAt > 0) return "GROUP_DISSOLVED";
    if (!allowedOn("removeMember", actor.role, target.role)) return "FORBIDDEN";
  }
  if (!mayLeave(draft, group, target)) return "OWNER_STAYS";
  letGo(draft, group, target, remove.actorId);
  return "OK";
};

export const createGroupRule: Rule<queue.CreateGroup> = {
  conversation: (create) => create.groupId,
  problem: (create) => groupProblem(create.groupId, [create.ownerId, ...create.members]),
  needs: (create, needs) => {
    needs.user(create.ownerId, ...create.members);
    needAdding(needs, create.ownerId, create.members);
  },
  apply: applyCreateGroup,
};

export const addMembersRule: Rule<queue.AddMembers> = {
  conversation: (add) => add.groupId,
  problem: (add) => groupProblem(add.groupId, [add.actorId, ...add.members]),
  needs: (add, needs) => {
    needs.user(...add.members);
    for (const userId of add.members) needs.place(add.groupId, userId);
    needAdding(needs, add.actorId, add.members);
  },
  apply: applyAddMembers,
};

export const removeMemberRule: Rule<queue.RemoveMember> = {
  conversation: (remove) => remove.groupId,
  problem: (remove) => groupProblem(remove.groupId, [remove.actorId, remove.userId]),
  needs: (remove, needs) => needs.user(remove.userId),
  apply: applyRemoveMember,
};
