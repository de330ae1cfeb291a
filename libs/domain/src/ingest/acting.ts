import type { GroupSettings, MemberRow } from "@dunlin/engines/store";
import type { ErrorCode } from "@dunlin/proto";
import { isGroupId, isSupergroupId, isUserId } from "../ids.js";
import { allowed, type Operation } from "../permissions.js";
import type { ConversationDraft, Draft } from "./draft.js";
import type { Needs } from "./rule.js";

/** A group or supergroup that lives, and one of its members who does something to it. */
export interface Acting {
  readonly group: ConversationDraft;
  readonly settings: GroupSettings;
  /** Of a supergroup only those whom the command needs (see `needActing`). */
  readonly members: ReadonlyMap<string, MemberRow>;
  readonly actor: MemberRow;
}

/** Who acts on what, or why that is refused: the start of every rule about a group. */
export const acting = (draft: Draft, groupId: string, actorId: string, operation: Operation): Acting | ErrorCode => {
  const group = draft.conversation(groupId);
  if (group?.kind !== "group" && group?.kind !== "supergroup") return "NOT_FOUND";
  const members = draft.members(group.id);
  const actor = members.get(actorId);
  if (!actor) return "NOT_A_MEMBER";
  const settings = draft.groups.settings(group.id);
  if (settings.dissolvedAt > 0) return "GROUP_DISSOLVED";
  return allowed(operation, actor.role) ? { group, settings, members, actor } : "FORBIDDEN";
};

/** The members whom an operation is left to; of a supergroup the command must have asked for its leaders. */
export const membersWho = (operation: Operation, members: ReadonlyMap<string, MemberRow>): string[] =>
  [...members.values()].filter((member) => allowed(operation, member.role)).map((member) => member.userId);

/** What every update about a group shows of it. */
export const groupFields = (group: ConversationDraft) => ({
  peer: group.id,
  title: group.title,
  avatar: group.avatar,
  owner_id: group.ownerId,
  ...(group.supergroup && { member_count: group.supergroup.memberCount }),
});

/** What an update of type GROUP shows besides. */
export const settingsFields = (settings: GroupSettings) => ({
  announcement: settings.announcement,
  slow_mode_s: settings.slowModeS,
  muted_until: settings.mutedUntil,
  join: settings.join,
  dissolved_at: settings.dissolvedAt,
});

/**
 * Tells all members something: each in the own log, those of a supergroup by one entry of its log. Whose membership changes
 * learns it in the own log in any case: the user's devices begin or end to follow.
 * @returns the entry's seq, 0 in a group
 */
export const tellMembers = (
  draft: Draft,
  group: ConversationDraft,
  type: "GROUP" | "MEMBER",
  fields: Record<string, unknown>,
  changed: readonly string[] = [],
): number => {
  if (!group.supergroup) {
    // How far the conversation has got is where a membership begins or ends.
    const place = type === "MEMBER" ? { seq: group.lastSeq } : {};
    draft.tell(new Set([...draft.members(group.id).keys(), ...changed]), type, group.id, { ...place, ...fields });
    return 0;
  }
  const seq = draft.enter(group, type, fields);
  draft.tell(changed, type, group.id, { seq, ...fields });
  return seq;
};

/** Why a command names no group or no user, undefined when it does. */
export const groupProblem = (groupId: string, userIds: readonly string[]): string | undefined =>
  isGroupId(groupId) ? anyGroupProblem(groupId, userIds) : "wrong group id";

/** The same for a command that supergroups take, too. */
export const anyGroupProblem = (groupId: string, userIds: readonly string[]): string | undefined => {
  if (!isGroupId(groupId) && !isSupergroupId(groupId)) return "wrong group id";
  return userIds.every(isUserId) ? undefined : "wrong user id";
};

/** The members that a command looks at. A group's are there all at once, a supergroup's one by one. */
export const needActing = (needs: Needs, groupId: string, userIds: readonly string[], leaders: "leaders" | "no leaders"): void => {
  if (!isSupergroupId(groupId)) return;
  for (const userId of userIds) needs.member(groupId, userId);
  if (leaders === "leaders") needs.leaders.add(groupId);
};
