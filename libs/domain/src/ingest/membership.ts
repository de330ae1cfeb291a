import type { MemberRow } from "@dunlin/engines/store";
import { groupFields, tellMembers } from "./acting.js";
import type { ConversationDraft, Draft } from "./draft.js";
import type { IngestRules } from "./rule.js";

/** What the notice of a change of membership says besides whom it is about. */
export interface MembershipNotice {
  readonly action: "created" | "added" | "joined" | "left" | "removed" | "banned";
  readonly by: string;
}

/** Makes a user a member. What the group held against who had left holds again, and a request to be let in is settled. */
const enlist = (draft: Draft, group: ConversationDraft, userId: string, joinedSeq: number): void => {
  const held = draft.groups.restrictions.get(group.id, userId);
  draft.putMember({
    conversationId: group.id,
    userId,
    role: userId === group.ownerId ? "owner" : "member",
    joinedSeq,
    joinedAt: draft.now,
    mutedUntil: held?.mutedUntil ?? 0,
    lastSentAt: held?.lastSentAt ?? 0,
  });
  draft.groups.restrictions.remove(group.id, userId);
  draft.groups.joinRequests.remove(group.id, userId);
};

/** How many members a group or a supergroup has. */
export const memberCountOf = (draft: Draft, group: ConversationDraft): number =>
  group.supergroup?.memberCount ?? draft.members(group.id).size;

/** Whether so many more may come in. */
export const hasRoom = (draft: Draft, group: ConversationDraft, coming: number, limits: IngestRules): boolean =>
  memberCountOf(draft, group) + coming <= (group.supergroup ? limits.supergroupMembersMax : limits.groupMembersMax);

/**
 * Lets users in who are no members: the one way into a group or a supergroup. What lies before counts as read; in a
 * supergroup the notice is the first entry that they see.
 */
export const letIn = (draft: Draft, group: ConversationDraft, userIds: readonly string[], notice: MembershipNotice): void => {
  if (group.supergroup) draft.putSupergroup(group, { memberCount: group.supergroup.memberCount + userIds.length });
  else {
    for (const userId of userIds) {
      enlist(draft, group, userId, group.lastSeq);
      draft.dialogs.touch(userId, group.id, group, 0, false);
      draft.dialogs.read(userId, group.id, group, { readSeq: group.lastSeq, unread: 0, unreadMentions: 0 });
    }
  }
  const seq = tellMembers(draft, group, "MEMBER", { ...groupFields(group), ...notice, user_ids: userIds }, userIds);
  if (!group.supergroup) return;
  const readCount = group.supergroup.messageCount;
  for (const userId of userIds) {
    enlist(draft, group, userId, seq - 1);
    draft.dialogs.putPosition(userId, group, { readSeq: seq, readCount, unread: 0, unreadMentions: 0 }, true);
  }
};

/**
 * Takes a member out: the one way out. The dialog stays where it was; a ban keeps the user out, a mute waits for who comes
 * back.
 */
export const takeOut = (draft: Draft, group: ConversationDraft, member: MemberRow, notice: MembershipNotice): void => {
  const { userId, mutedUntil, lastSentAt } = member;
  const banned = notice.action === "banned";
  const position = group.supergroup && draft.dialogs.position(userId, group.id);
  draft.removeMember(group.id, userId);
  const slow = draft.groups.settings(group.id).slowModeS > 0;
  if (banned || mutedUntil > draft.now || (slow && lastSentAt > 0)) {
    draft.groups.restrictions.put({
      conversationId: group.id,
      userId,
      bannedAt: banned ? draft.now : 0,
      bannedBy: banned ? notice.by : "",
      mutedUntil,
      lastSentAt,
    });
  }
  if (group.supergroup) draft.putSupergroup(group, { memberCount: group.supergroup.memberCount - 1 });
  tellMembers(draft, group, "MEMBER", { ...groupFields(group), ...notice, user_ids: [userId] }, [userId]);
  if (position && group.supergroup) {
    const unread = Math.max(0, group.supergroup.messageCount - position.readCount);
    draft.dialogs.putPosition(userId, group, { ...position, unread }, true);
  }
};

/**
 * Whether a member may go: an owner hands the group over or dissolves it first. Who is alone goes, and the group ends with
 * that.
 */
export const mayLeave = (draft: Draft, group: ConversationDraft, member: MemberRow): boolean =>
  member.role !== "owner" || draft.groups.settings(group.id).dissolvedAt > 0 || memberCountOf(draft, group) <= 1;

/** A member goes, by oneself or by somebody above. Whoever calls has seen that this may be. */
export const letGo = (draft: Draft, group: ConversationDraft, member: MemberRow, by: string): void => {
  if (member.role === "owner") {
    const settings = draft.groups.settings(group.id);
    if (settings.dissolvedAt === 0) draft.groups.putSettings({ ...settings, ...ended(draft.now) });
    group.ownerId = "";
    draft.putConversation(group);
  }
  takeOut(draft, group, member, { action: by === member.userId ? "left" : "removed", by });
};

/** What the end of a group changes in its settings. */
export const ended = (at: number) => ({ dissolvedAt: at, link: "", linkExpiresAt: 0, linkMaxUses: 0, linkUses: 0 });
