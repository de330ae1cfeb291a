import { type GroupGovernance, type Groups, isSupergroupId, type Outcome, type Supergroups } from "@dunlin/domain";
import { type ConversationRow, defaultGroupSettings } from "@dunlin/engines/store";
import type { sys } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const TITLE_MAX = 128;
const ANNOUNCEMENT_MAX = 2_048;
const SLOW_MODE_MAX_S = 3_600;
/** No group is larger, whatever the setting. */
const MEMBERS_MAX = 200;
/** In one command; more are added by further ones. */
const SUPERGROUP_MEMBERS_MAX = 1_000;
const PAGE_MAX = 1_000;

export const groupService = (
  { store, clock }: Pick<SysContext, "store" | "clock">,
  groups: Groups,
  supergroups: Supergroups,
  governance: GroupGovernance,
  requireUser: (userId: string) => Promise<void>,
): Handlers<typeof sys.GroupServiceService> => {
  const read = async (groupId: string): Promise<sys.Group | undefined> => {
    const [group] = await store.conversations.get([groupId]);
    if (group?.kind !== "group") return undefined;
    const [members, [settings]] = await Promise.all([store.conversations.members(groupId), store.groups.settings([groupId])]);
    const { announcement, slowModeS, mutedUntil, dissolvedAt } = settings ?? defaultGroupSettings(groupId);
    return {
      ...named(group),
      members: members.map((member) => member.userId),
      announcement,
      slowModeS,
      mutedUntil,
      dissolvedAt,
      upgradedTo: group.successorId ?? "",
    };
  };
  const readSupergroup = async (id: string): Promise<sys.Supergroup | undefined> => {
    const [row] = await store.conversations.get([id]);
    return row?.supergroup && { ...named(row), memberCount: row.supergroup.memberCount, seq: row.lastSeq };
  };
  return {
    createGroup: async (request, caller) => {
      const ownerId = field.userId("owner_id", request.ownerId);
      const title = field.text("title", request.title, 1, TITLE_MAX);
      const members = field.list("members", request.members, 0, MEMBERS_MAX, field.userId);
      await requireUser(ownerId);
      const { groupId } = await groups.create(ownerId, title, members, caller.requestId);
      // Not there yet when ingest is behind: durable, and as asked for.
      const asked = { id: groupId, title, ownerId, members: [...new Set([ownerId, ...members])], createdAt: clock.now() };
      return (await read(groupId)) ?? { ...untouched, ...asked };
    },
    getGroup: async (request) => {
      const group = await read(field.groupId("group_id", request.groupId));
      if (!group) throw new AppError("NOT_FOUND", "no such group");
      return group;
    },
    createSupergroup: async (request, caller) => {
      const ownerId = field.userId("owner_id", request.ownerId);
      const title = field.text("title", request.title, 1, TITLE_MAX);
      const members = field.list("members", request.members, 0, SUPERGROUP_MEMBERS_MAX, field.userId);
      await requireUser(ownerId);
      const { id } = await supergroups.create(ownerId, title, members, caller.requestId);
      const asked = { id, title, ownerId, avatar: "", memberCount: new Set([ownerId, ...members]).size, seq: 0, createdAt: clock.now() };
      return (await readSupergroup(id)) ?? asked;
    },
    getSupergroup: async (request) => {
      const supergroup = await readSupergroup(field.supergroupId("supergroup_id", request.supergroupId));
      if (!supergroup) throw new AppError("NOT_FOUND", "no such supergroup");
      return supergroup;
    },
    listMembers: async (request) => {
      const id = field.groupOrSupergroupId("group_id", request.groupId);
      const after = field.after("after_user_id", request.afterUserId);
      const limit = field.integer("limit", request.limit, 1, PAGE_MAX);
      const [row] = await store.conversations.get([id]);
      if (!row) throw new AppError("NOT_FOUND", "no such group");
      // One more than asked for tells whether there are more.
      const rows = await store.supergroups.members(id, after, limit + 1);
      const members = rows.slice(0, limit).map(({ userId, role, joinedAt, mutedUntil }) => ({ userId, role, joinedAt, mutedUntil }));
      return { members, hasMore: rows.length > limit };
    },
    addMembers: async (request, caller) => {
      const { groupId, actorId } = acting(request, field.groupOrSupergroupId);
      const large = isSupergroupId(groupId);
      const members = field.list("members", request.members, 1, large ? SUPERGROUP_MEMBERS_MAX : MEMBERS_MAX, field.userId);
      return told(await (large ? supergroups : groups).add(actorId, groupId, members, caller.requestId));
    },
    removeMember: async (request, caller) => {
      const { groupId, actorId } = acting(request, field.groupOrSupergroupId);
      const kind = isSupergroupId(groupId) ? supergroups : groups;
      return told(await kind.remove(actorId, groupId, field.userId("user_id", request.userId), caller.requestId));
    },
    dissolveGroup: async (request, caller) => {
      const { groupId, actorId } = acting(request);
      return told(await governance.dissolve(actorId, groupId, caller.requestId));
    },
    updateGroup: async (request, caller) => {
      const { groupId, actorId } = acting(request);
      const { title, avatar, announcement, slowModeS, mutedUntil } = request;
      if (title !== undefined) field.text("title", title, 1, TITLE_MAX);
      if (avatar !== undefined) field.avatar("avatar", avatar);
      if (announcement !== undefined) field.lines("announcement", announcement, 0, ANNOUNCEMENT_MAX);
      if (slowModeS !== undefined) field.integer("slow_mode_s", slowModeS, 0, SLOW_MODE_MAX_S);
      if (mutedUntil !== undefined) field.integer("muted_until", mutedUntil, 0, Number.MAX_SAFE_INTEGER);
      return told(await governance.update(actorId, groupId, { title, avatar, announcement, slowModeS, mutedUntil }, caller.requestId));
    },
    updateMember: async (request, caller) => {
      const { groupId, actorId } = acting(request);
      const userId = field.userId("user_id", request.userId);
      const role = request.role === undefined ? undefined : field.oneOf("role", request.role, ["admin", "member"]);
      const { mutedUntil } = request;
      if (mutedUntil !== undefined) field.integer("muted_until", mutedUntil, 0, Number.MAX_SAFE_INTEGER);
      return told(await governance.updateMember(actorId, groupId, userId, { role, mutedUntil }, caller.requestId));
    },
    transferGroup: async (request, caller) => {
      const { groupId, actorId } = acting(request);
      return told(await governance.transfer(actorId, groupId, field.userId("user_id", request.userId), caller.requestId));
    },
  };
};

/** What a new group has not set yet. */
const untouched = { avatar: "", announcement: "", slowModeS: 0, mutedUntil: 0, dissolvedAt: 0, upgradedTo: "" } as const;

const named = ({ id, title, avatar, ownerId, createdAt }: ConversationRow) => ({ id, title, avatar, ownerId, createdAt });

const acting = (
  request: { groupId: string; actorId: string },
  kind: (name: string, value: string) => string = field.groupId,
): { groupId: string; actorId: string } => ({
  groupId: kind("group_id", request.groupId),
  actorId: field.userId("actor_id", request.actorId),
});

const told = (outcome: Outcome): sys.GroupOutcome => ({ applied: outcome === "applied" });
