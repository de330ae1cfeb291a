import type { MemberRow } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { isSupergroupId, isUserId } from "../ids.js";
import { allowed, allowedOn } from "../permissions.js";
import type { ConversationDraft, Draft } from "./draft.js";
import { enlist, takeOut } from "./group-members.js";
import { needAdding, refusesToBeAdded } from "./refusals.js";
import type { Rule, RuleContext } from "./rule.js";

/** What the frames about a supergroup's members say of it. */
export const supergroupFields = (supergroup: ConversationDraft) => ({
  peer: supergroup.id,
  title: supergroup.title,
  avatar: supergroup.avatar,
  owner_id: supergroup.ownerId,
  member_count: supergroup.supergroup?.memberCount ?? 0,
});

interface Notice {
  readonly action: "created" | "joined" | "added" | "left" | "removed";
  readonly by: string;
  readonly user_ids: readonly string[];
}

/** A membership notice in the log, and in the logs of those whom it is about: their devices begin or end to follow. */
const announce = (draft: Draft, supergroup: ConversationDraft, notice: Notice): number => {
  const fields = { ...supergroupFields(supergroup), ...notice };
  const seq = draft.enter(supergroup, "MEMBER", fields);
  draft.tell(notice.user_ids, "MEMBER", supergroup.id, { seq, ...fields });
  return seq;
};

/** What lies before a member joined counts as read; the notice of it is the first the member sees. */
const settle = (draft: Draft, supergroup: ConversationDraft, userIds: readonly string[], seq: number): void => {
  const readCount = supergroup.supergroup?.messageCount ?? 0;
  for (const userId of userIds) {
    const role: MemberRow["role"] = userId === supergroup.ownerId ? "owner" : "member";
    enlist(draft, supergroup.id, userId, role, seq - 1);
    draft.dialogs.putPosition(userId, supergroup, { readSeq: seq, readCount, unread: 0, unreadMentions: 0 }, true);
  }
};

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
    supergroup: { memberCount: members.length, messageCount: 0, topSeq: 0, activeAt: draft.now },
  };
  draft.putConversation(supergroup);
  const seq = announce(draft, supergroup, { action: "created", by: create.ownerId, user_ids: members });
  settle(draft, supergroup, members, seq);
  return "OK";
};

/** A member brings others in, or somebody comes by oneself; who is in already stays as it is. */
const applyJoin = (draft: Draft, join: queue.JoinSupergroup, { limits }: RuleContext): ErrorCode => {
  const supergroup = draft.conversation(join.supergroupId);
  if (supergroup?.kind !== "supergroup" || !supergroup.supergroup) return "NOT_FOUND";
  const settings = draft.groups.settings(supergroup.id);
  if (settings.dissolvedAt > 0) return "GROUP_DISSOLVED";
  const members = draft.members(supergroup.id);
  const alone = join.members.length === 1 && join.members[0] === join.actorId;
  const actor = members.get(join.actorId);
  if (!alone && !actor) return "NOT_A_MEMBER";
  if (!alone && !allowed("addMembers", actor?.role)) return "FORBIDDEN";
  const joining = [...new Set(join.members)].filter((userId) => !members.has(userId));
  if (joining.length === 0) return "OK";
  for (const userId of joining) {
    if (!draft.userExists(userId)) return "PEER_NOT_FOUND";
    if ((draft.groups.restrictions.get(supergroup.id, userId)?.bannedAt ?? 0) > 0) return "BANNED";
    if (!alone && refusesToBeAdded(draft, join.actorId, userId)) return "ADD_REFUSED";
  }
  const memberCount = supergroup.supergroup.memberCount + joining.length;
  if (memberCount > limits.supergroupMembersMax) return "GROUP_FULL";
  draft.putSupergroup(supergroup, { memberCount });
  const seq = announce(draft, supergroup, { action: alone ? "joined" : "added", by: join.actorId, user_ids: joining });
  settle(draft, supergroup, joining, seq);
  return "OK";
};

/**
 * A member leaves, or is removed by somebody above. Nobody can be found to take over among so many: the owner hands the
 * supergroup over first, unless alone in it. The dialog of who goes stays where it was.
 */
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
  if (!leaving && !allowedOn("removeMember", actor?.role, target.role)) return "FORBIDDEN";
  const { memberCount, messageCount } = supergroup.supergroup;
  if (target.role === "owner" && memberCount > 1) return "OWNER_STAYS";
  const position = draft.dialogs.position(target.userId, supergroup.id);
  takeOut(draft, supergroup, target);
  draft.putSupergroup(supergroup, { memberCount: memberCount - 1 });
  announce(draft, supergroup, { action: leaving ? "left" : "removed", by: leave.actorId, user_ids: [target.userId] });
  if (position) {
    const unread = Math.max(0, messageCount - position.readCount);
    draft.dialogs.putPosition(target.userId, supergroup, { ...position, unread }, true);
  }
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
