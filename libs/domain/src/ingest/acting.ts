import type { GroupSettings, MemberRow } from "@dunlin/engines/store";
import type { ErrorCode } from "@dunlin/proto";
import { isGroupId, isUserId } from "../ids.js";
import { allowed, type Operation } from "../permissions.js";
import type { ConversationDraft, Draft } from "./draft.js";

/** A group that lives, and one of its members who does something to it. */
export interface Acting {
  readonly group: ConversationDraft;
  readonly settings: GroupSettings;
  readonly members: ReadonlyMap<string, MemberRow>;
  readonly actor: MemberRow;
}

/** Who acts on what, or why that is refused: the start of every rule about a group. */
export const acting = (draft: Draft, groupId: string, actorId: string, operation: Operation): Acting | ErrorCode => {
  const group = draft.conversation(groupId);
  if (group?.kind !== "group") return "NOT_FOUND";
  const members = draft.members(group.id);
  const actor = members.get(actorId);
  if (!actor) return "NOT_A_MEMBER";
  const settings = draft.groups.settings(group.id);
  if (settings.dissolvedAt > 0) return "GROUP_DISSOLVED";
  return allowed(operation, actor.role) ? { group, settings, members, actor } : "FORBIDDEN";
};

/** The members whom an operation is left to. */
export const membersWho = (operation: Operation, members: ReadonlyMap<string, MemberRow>): string[] =>
  [...members.values()].filter((member) => allowed(operation, member.role)).map((member) => member.userId);

/** What every update about a group shows of it. */
export const groupFields = (group: ConversationDraft) => ({
  peer: group.id,
  title: group.title,
  avatar: group.avatar,
  owner_id: group.ownerId,
});

/** What an update of type GROUP shows besides. */
export const settingsFields = (settings: GroupSettings) => ({
  announcement: settings.announcement,
  slow_mode_s: settings.slowModeS,
  muted_until: settings.mutedUntil,
  join: settings.join,
  dissolved_at: settings.dissolvedAt,
});

/** Why a command names no group or no user, undefined when it does. */
export const groupProblem = (groupId: string, userIds: readonly string[]): string | undefined => {
  if (!isGroupId(groupId)) return "wrong group id";
  return userIds.every(isUserId) ? undefined : "wrong user id";
};
