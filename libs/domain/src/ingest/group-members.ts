import type { MemberRow } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { groupLimits } from "../group-rules.js";
import { allowed, allowedOn } from "../permissions.js";
import { acting, anyGroupProblem, groupFields, membersWho, needActing, tellMembers } from "./acting.js";
import type { Draft } from "./draft.js";
import { takeOut } from "./membership.js";
import type { Rule } from "./rule.js";

/** A member's role, or how long the member may not send. */
const applyUpdateMember = (draft: Draft, change: queue.UpdateMember): ErrorCode => {
  const scene = acting(draft, change.groupId, change.actorId, "muteMember");
  if (typeof scene === "string") return scene;
  const { group, members, actor } = scene;
  const target = members.get(change.userId);
  if (change.role !== undefined && !allowed("setRole", actor.role)) return "FORBIDDEN";
  if (!target) return "NOT_FOUND";
  if (!allowedOn("muteMember", actor.role, target.role)) return "FORBIDDEN";
  const changed: MemberRow = {
    ...target,
    role: (change.role as MemberRow["role"] | undefined) ?? target.role,
    mutedUntil: change.mutedUntil ?? target.mutedUntil,
  };
  if (changed.role === target.role && changed.mutedUntil === target.mutedUntil) return "OK";
  // A supergroup's leaders are read together and told one by one.
  const promoted = changed.role === "admin" && target.role !== "admin";
  if (promoted && group.supergroup && membersWho("listBans", members).length > groupLimits.supergroupAdmins) return "ADMINS_FULL";
  draft.putMember(changed);
  tellMembers(draft, group, "MEMBER", {
    ...groupFields(group),
    action: "changed",
    by: actor.userId,
    user_ids: [target.userId],
    role: changed.role,
    muted_until: changed.mutedUntil,
  });
  return "OK";
};

export const updateMemberRule: Rule<queue.UpdateMember> = {
  conversation: (change) => change.groupId,
  problem: (change) => {
    if (change.role !== undefined && change.role !== "admin" && change.role !== "member") return "unknown role";
    const until = change.mutedUntil ?? 0;
    if (!Number.isSafeInteger(until) || until < 0) return "wrong time";
    return anyGroupProblem(change.groupId, [change.actorId, change.userId]);
  },
  needs: ({ groupId, actorId, userId, role }, needs) =>
    needActing(needs, groupId, [actorId, userId], role === "admin" ? "leaders" : "no leaders"),
  apply: applyUpdateMember,
};

/** Another member becomes the owner, who stays as an admin. An owner is not muted. */
const applyTransferGroup = (draft: Draft, transfer: queue.TransferGroup): ErrorCode => {
  const scene = acting(draft, transfer.groupId, transfer.actorId, "transfer");
  if (typeof scene === "string") return scene;
  const { group, members, actor } = scene;
  const heir = members.get(transfer.userId);
  if (!heir) return "NOT_FOUND";
  if (heir.userId === actor.userId) return "OK";
  draft.putMember({ ...actor, role: "admin" });
  draft.putMember({ ...heir, role: "owner", mutedUntil: 0 });
  group.ownerId = heir.userId;
  draft.putConversation(group);
  tellMembers(draft, group, "MEMBER", {
    ...groupFields(group),
    action: "transferred",
    by: actor.userId,
    user_ids: [heir.userId],
  });
  return "OK";
};

export const transferGroupRule: Rule<queue.TransferGroup> = {
  conversation: (transfer) => transfer.groupId,
  problem: (transfer) => anyGroupProblem(transfer.groupId, [transfer.actorId, transfer.userId]),
  needs: ({ groupId, actorId, userId }, needs) => needActing(needs, groupId, [actorId, userId], "no leaders"),
  apply: applyTransferGroup,
};

/**
 * Keeps a user out, removing who is in; or lets a user be brought in again. A removal is everybody's to know; that
 * somebody from outside is banned or no longer so, only theirs who decide on bans.
 */
const applyBanMember = (draft: Draft, { groupId, actorId, userId, banned }: queue.BanMember): ErrorCode => {
  const scene = acting(draft, groupId, actorId, "ban");
  if (typeof scene === "string") return scene;
  const { group, members, actor } = scene;
  const target = members.get(userId);
  const fields = { action: banned ? "banned" : "unbanned", by: actorId, user_ids: [userId] };
  if (target) {
    if (!banned) return "OK";
    if (!allowedOn("ban", actor.role, target.role)) return "FORBIDDEN";
    takeOut(draft, group, target, { action: "banned", by: actorId });
    return "OK";
  }
  if (!draft.userExists(userId)) return "PEER_NOT_FOUND";
  const held = draft.groups.restrictions.get(group.id, userId);
  if (banned === (held?.bannedAt ?? 0) > 0) return "OK";
  const { mutedUntil, lastSentAt } = held ?? { mutedUntil: 0, lastSentAt: 0 };
  if (!banned && mutedUntil <= draft.now) draft.groups.restrictions.remove(group.id, userId);
  else {
    draft.groups.restrictions.put({
      conversationId: group.id,
      userId,
      bannedAt: banned ? draft.now : 0,
      bannedBy: banned ? actorId : "",
      mutedUntil,
      lastSentAt,
    });
  }
  if (banned) draft.groups.joinRequests.remove(group.id, userId);
  draft.tell(membersWho("listBans", members), "MEMBER", group.id, { ...groupFields(group), seq: group.lastSeq, ...fields });
  return "OK";
};

export const banMemberRule: Rule<queue.BanMember> = {
  conversation: (ban) => ban.groupId,
  problem: (ban) => anyGroupProblem(ban.groupId, [ban.actorId, ban.userId]),
  needs: ({ groupId, actorId, userId }, needs) => {
    needs.user(userId);
    needs.place(groupId, userId);
    needs.dialog(userId, groupId);
    needActing(needs, groupId, [actorId, userId], "leaders");
  },
  apply: applyBanMember,
};
