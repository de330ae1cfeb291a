import type { MemberRow } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { allowed, allowedOn } from "../permissions.js";
import { acting, groupFields, groupProblem, membersWho } from "./acting.js";
import type { ConversationDraft, Draft } from "./draft.js";
import type { Rule } from "./rule.js";

/**
 * Makes a user a member of a group or supergroup, who sees what comes behind `joinedSeq`. What the group held against who
 * had left holds again, and a request to be let in is settled.
 */
export const enlist = (draft: Draft, groupId: string, userId: string, role: MemberRow["role"], joinedSeq: number): void => {
  const held = draft.groups.restrictions.get(groupId, userId);
  draft.putMember({
    conversationId: groupId,
    userId,
    role,
    joinedSeq,
    joinedAt: draft.now,
    mutedUntil: held?.mutedUntil ?? 0,
    lastSentAt: held?.lastSentAt ?? 0,
  });
  draft.groups.restrictions.remove(groupId, userId);
  draft.groups.joinRequests.remove(groupId, userId);
};

/** Lets a user into a group: the one way in. What lies before counts as read. */
export const letIn = (draft: Draft, group: ConversationDraft, userId: string, role: MemberRow["role"]): void => {
  enlist(draft, group.id, userId, role, group.lastSeq);
  draft.dialogs.touch(userId, group.id, group, 0, false);
  draft.dialogs.read(userId, group.id, group, { readSeq: group.lastSeq, unread: 0, unreadMentions: 0 });
};

/** Takes a member out: the one way out. The dialog stays where it was; a mute waits for who comes back. */
export const takeOut = (draft: Draft, group: ConversationDraft, member: MemberRow, ban?: { at: number; by: string }): void => {
  draft.removeMember(group.id, member.userId);
  const slow = draft.groups.settings(group.id).slowModeS > 0;
  if (!ban && member.mutedUntil <= draft.now && !(slow && member.lastSentAt > 0)) return;
  draft.groups.restrictions.put({
    conversationId: group.id,
    userId: member.userId,
    bannedAt: ban?.at ?? 0,
    bannedBy: ban?.by ?? "",
    mutedUntil: member.mutedUntil,
    lastSentAt: member.lastSentAt,
  });
};

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
  draft.putMember(changed);
  draft.tell(members.keys(), "MEMBER", group.id, {
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
    return groupProblem(change.groupId, [change.actorId, change.userId]);
  },
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
  draft.tell(members.keys(), "MEMBER", group.id, {
    ...groupFields(group),
    action: "transferred",
    by: actor.userId,
    user_ids: [heir.userId],
  });
  return "OK";
};

export const transferGroupRule: Rule<queue.TransferGroup> = {
  conversation: (transfer) => transfer.groupId,
  problem: (transfer) => groupProblem(transfer.groupId, [transfer.actorId, transfer.userId]),
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
    const told = [...members.keys()];
    takeOut(draft, group, target, { at: draft.now, by: actorId });
    draft.tell(told, "MEMBER", group.id, { ...groupFields(group), ...fields });
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
  draft.tell(membersWho("listBans", members), "MEMBER", group.id, { ...groupFields(group), ...fields });
  return "OK";
};

export const banMemberRule: Rule<queue.BanMember> = {
  conversation: (ban) => ban.groupId,
  problem: (ban) => groupProblem(ban.groupId, [ban.actorId, ban.userId]),
  needs: (ban, needs) => {
    needs.user(ban.userId);
    needs.place(ban.groupId, ban.userId);
  },
  apply: applyBanMember,
};
