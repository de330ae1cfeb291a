import { defaultGroupSettings } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { isSupergroupId, isUserId } from "../ids.js";
import { allowed, allowedOn } from "../permissions.js";
import type { ConversationDraft, Draft } from "./draft.js";
import { hasRoom, letGo, letIn, mayLeave } from "./membership.js";
import { needAdding, refusesToBeAdded } from "./refusals.js";
import type { Rule, RuleContext } from "./rule.js";

/** Creates a supergroup; again with the same id changes nothing. */
const applyCreate = (draft: Draft, create: queue.CreateSupergroup, { limits }: RuleContext): ErrorCode => {
  const existing = draft.conversation(create.supergroupId);
  if (existing) return existing.ownerId === create.ownerId ? "OK" : "CONFLICT";
  const members = [...new Set([create.ownerId, ...create.members])];
  if (members.length > limits.supergroupMembersMax) return "GROUP_FULL";
  for (const userId of members) {
    if (!draft.userExists(userId)) return "PEER_NOT_FOUND";
    if (refusesToBeAdded(draft, create.ownerId, userId)) return "ADD_REFUSED";
  }
  const supergroup: ConversationDraft = {
    id: create.supergroupId,
    kind: "supergroup",
    lastSeq: 0,
    title: create.title,
    avatar: create.avatar,
    ownerId: create.ownerId,
    createdAt: create.createdAt,
    supergroup: { memberCount: 0, messageCount: 0, topSeq: 0, activeAt: draft.now },
  };
  draft.putConversation(supergroup);
  draft.groups.putSettings({ ...defaultGroupSettings(supergroup.id), join: "open" });
  letIn(draft, supergroup, members, { action: "created", by: create.ownerId });
  return "OK";
};

/**
 * A member brings others in, or somebody comes by oneself where it is open to all; who is in already stays as it is. Where
 * joining needs approval, only those who give it bring others in.
 */
const applyJoin = (draft: Draft, join: queue.JoinSupergroup, { limits }: RuleContext): ErrorCode => {
  const supergroup = draft.conversation(join.supergroupId);
  if (supergroup?.kind !== "supergroup" || !supergroup.supergroup) return "NOT_FOUND";
  const settings = draft.groups.settings(supergroup.id);
  const members = draft.members(supergroup.id);
  const alone = join.members.length === 1 && join.members[0] === join.actorId;
  // One that is not open answers like none to who is outside.
  if (alone && !members.has(join.actorId) && settings.join !== "open") return "NOT_FOUND";
  if (settings.dissolvedAt > 0) return "GROUP_DISSOLVED";
  const actor = members.get(join.actorId);
  if (!alone && !actor) return "NOT_A_MEMBER";
  if (!alone && !allowed("addMembers", actor?.role)) return "FORBIDDEN";
  if (!alone && settings.join === "approval" && !allowed("answerJoinRequests", actor?.role)) return "FORBIDDEN";
  const joining = [...new Set(join.members)].filter((userId) => !members.has(userId));
  if (joining.length === 0) return "OK";
  for (const userId of joining) {
    if (!draft.userExists(userId)) return "PEER_NOT_FOUND";
    if ((draft.groups.restrictions.get(supergroup.id, userId)?.bannedAt ?? 0) > 0) return "BANNED";
    if (!alone && refusesToBeAdded(draft, join.actorId, userId)) return "ADD_REFUSED";
  }
  if (!hasRoom(draft, supergroup, joining.length, limits)) return "GROUP_FULL";
  letIn(draft, supergroup, joining, { action: alone ? "joined" : "added", by: join.actorId });
  return "OK";
};

/** A member leaves, or is removed by somebody above. An owner who is not alone hands it over or dissolves it first. */
const applyLeave = (draft: Draft, leave: queue.LeaveSupergroup): ErrorCode => {
  const supergroup = draft.conversation(leave.supergroupId);
  if (supergroup?.kind !== "supergroup" || !supergroup.supergroup) return "NOT_FOUND";
  const members = draft.members(supergroup.id);
  const target = members.get(leave.userId);
  const leaving = leave.actorId === leave.userId;
  const actor = members.get(leave.actorId);
  // A leave that is repeated has its effect already.
  if (!target) return leaving || actor ? "OK" : "NOT_A_MEMBER";
  if (!leaving && !actor) return "NOT_A_MEMBER";
  if (!leaving && draft.groups.settings(supergroup.id).dissolvedAt > 0) return "GROUP_DISSOLVED";
  if (!leaving && !allowedOn("removeMember", actor?.role, target.role)) return "FORBIDDEN";
  if (!mayLeave(draft, supergroup, target)) return "OWNER_STAYS";
  letGo(draft, supergroup, target, leave.actorId);
  return "OK";
};

const problemOf = (supergroupId: string, userIds: readonly string[]): string | undefined => {
  if (!isSupergroupId(supergroupId)) return "wrong supergroup id";
  return userIds.every(isUserId) ? undefined : "wrong user id";
};

export const createSupergroupRule: Rule<queue.CreateSupergroup> = {
  conversation: (create) => create.supergroupId,
  problem: (create) => problemOf(create.supergroupId, [create.ownerId, ...create.members]),
  needs: (create, needs) => {
    needs.user(create.ownerId, ...create.members);
    needAdding(needs, create.ownerId, create.members);
  },
  apply: applyCreate,
};

export const joinSupergroupRule: Rule<queue.JoinSupergroup> = {
  conversation: (join) => join.supergroupId,
  problem: (join) => (join.members.length === 0 ? "no members" : problemOf(join.supergroupId, [join.actorId, ...join.members])),
  needs: (join, needs) => {
    needs.user(...join.members);
    for (const userId of [join.actorId, ...join.members]) needs.member(join.supergroupId, userId);
    for (const userId of join.members) needs.place(join.supergroupId, userId);
    needAdding(needs, join.actorId, join.members);
  },
  apply: applyJoin,
};

export const leaveSupergroupRule: Rule<queue.LeaveSupergroup> = {
  conversation: (leave) => leave.supergroupId,
  problem: (leave) => problemOf(leave.supergroupId, [leave.actorId, leave.userId]),
  needs: (leave, needs) => {
    needs.user(leave.userId);
    needs.dialog(leave.userId, leave.supergroupId);
    for (const userId of [leave.actorId, leave.userId]) needs.member(leave.supergroupId, userId);
  },
  apply: applyLeave,
};
