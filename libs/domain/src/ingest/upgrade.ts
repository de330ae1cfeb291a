import type { IngestTransaction, MemberRow } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { isGroupId, isSupergroupId, isUserId } from "../ids.js";
import { allowed } from "../permissions.js";
import { groupFields } from "./acting.js";
import type { ConversationDraft, Draft } from "./draft.js";
import type { Rule, RuleContext } from "./rule.js";
import { markMentions } from "./supergroup-marks.js";

/**
 * A group goes on as a supergroup (decision 0010): the numbering continues, the old messages stay where they are and are
 * read from there, every member keeps role, mute, position and what is unread. Settings, the link, bans, requests to be let
 * in and pins go along. The group is closed and points to its successor.
 */
const applyUpgrade = async (draft: Draft, upgrade: queue.UpgradeGroup, { tx }: RuleContext): Promise<ErrorCode> => {
  const group = draft.conversation(upgrade.groupId);
  if (group?.kind !== "group") return "NOT_FOUND";
  if (group.successorId !== undefined) return group.successorId === upgrade.supergroupId ? "OK" : "GROUP_UPGRADED";
  const settings = draft.groups.settings(group.id);
  if (settings.dissolvedAt > 0) return "GROUP_DISSOLVED";
  const members = [...draft.members(group.id).values()];
  const actor = members.find((member) => member.userId === upgrade.actorId);
  if (!actor) return "NOT_A_MEMBER";
  if (!allowed("upgrade", actor.role)) return "FORBIDDEN";
  if (draft.conversation(upgrade.supergroupId)) return "CONFLICT";

  const messageCount = group.lastSeq;
  const supergroup: ConversationDraft = {
    ...group,
    id: upgrade.supergroupId,
    kind: "supergroup",
    createdAt: draft.now,
    supergroup: {
      memberCount: members.length,
      messageCount,
      topSeq: group.lastSeq,
      activeAt: draft.now,
      origin: { conversationId: group.id, seq: group.lastSeq },
    },
  };
  group.successorId = supergroup.id;
  draft.putConversation(group);
  draft.putConversation(supergroup);
  // A link is one group's alone: it leads to the supergroup now.
  draft.groups.putSettings({ ...settings, conversationId: supergroup.id });
  if (settings.link !== "") draft.groups.putSettings({ ...settings, link: "" });
  draft.move({ from: group.id, to: supergroup.id });

  draft.dialogs.load(await tx.dialogs(members.map(({ userId }) => ({ userId, peer: group.id }))));
  for (const pin of draft.annotations.pins(group.id)) draft.annotations.pin({ ...pin, conversationId: supergroup.id });
  await carryMentions(draft, tx, group, supergroup.id, members);
  for (const member of members) {
    const { userId } = member;
    const { readSeq = 0, unread = 0, unreadMentions = 0 } = draft.dialogs.get(userId, group.id) ?? {};
    draft.putMember({ ...member, conversationId: supergroup.id });
    draft.views.carry(userId, group.id, supergroup);
    draft.dialogs.remove(userId, group.id);
    draft.dialogs.putPosition(userId, supergroup, { readSeq, readCount: messageCount - unread, unread, unreadMentions }, true);
    draft.supergroups.read({ conversationId: supergroup.id, userId, readSeq, joinedSeq: member.joinedSeq });
  }
  const userIds = members.map((member) => member.userId);
  const fields = { ...groupFields(supergroup), action: "upgraded", by: upgrade.actorId, user_ids: userIds, upgraded_from: group.id };
  const seq = draft.enter(supergroup, "MEMBER", fields);
  draft.tell(userIds, "MEMBER", supergroup.id, { seq, ...fields });
  return "OK";
};

/** Mentions that somebody has not read yet go on to count; those that all have read count for nobody any more. */
const carryMentions = async (
  draft: Draft,
  tx: IngestTransaction,
  { id }: ConversationDraft,
  supergroupId: string,
  members: readonly MemberRow[],
): Promise<void> => {
  const waiting = members.map(({ userId }) => draft.dialogs.get(userId, id)).filter((dialog) => (dialog?.unreadMentions ?? 0) > 0);
  if (waiting.length === 0) return;
  const afterSeq = Math.min(...waiting.map((dialog) => dialog?.readSeq ?? 0));
  const recalled = new Set(draft.annotations.uncounted(id, "", afterSeq, Number.MAX_SAFE_INTEGER).map(({ seq }) => seq));
  for (const stored of await tx.mentioning(id, afterSeq)) {
    if (!recalled.has(stored.seq)) markMentions(draft, supergroupId, stored, id);
  }
  for (const added of draft.added(id)) if (added.recalledAt === null) markMentions(draft, supergroupId, added, id);
};

export const upgradeGroupRule: Rule<queue.UpgradeGroup> = {
  conversation: (upgrade) => upgrade.groupId,
  problem: (upgrade) => {
    if (!isGroupId(upgrade.groupId) || !isSupergroupId(upgrade.supergroupId)) return "wrong group id";
    return isUserId(upgrade.actorId) ? undefined : "wrong user id";
  },
  needs: (upgrade, needs) => needs.named.pinned(upgrade.groupId),
  apply: applyUpgrade,
  seesClosed: true,
};
