import type { GroupGovernance, Groups, Outcome } from "@dunlin/domain";
import type { sys } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const TITLE_MAX = 128;
const AVATAR_MAX = 512;
const ANNOUNCEMENT_MAX = 2_048;
const SLOW_MODE_MAX_S = 3_600;
/** No group is larger, whatever the setting. */
const MEMBERS_MAX = 200;

export const groupService = (
  { store, clock }: Pick<SysContext, "store" | "clock">,
  groups: Groups,
  governance: GroupGovernance,
  requireUser: (userId: string) => Promise<void>,
): Handlers<typeof sys.GroupServiceService> => {
  const read = async (groupId: string): Promise<sys.Group | undefined> => {
    const [group] = await store.conversations.get([groupId]);
    if (group?.kind !== "group") return undefined;
    const members = await store.conversations.members(groupId);
    const { id, title, ownerId, createdAt } = group;
    return { id, title, ownerId, createdAt, members: members.map((member) => member.userId) };
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
      return (await read(groupId)) ?? asked;
    },
    getGroup: async (request) => {
      const group = await read(field.groupId("group_id", request.groupId));
      if (!group) throw new AppError("NOT_FOUND", "no such group");
      return group;
    },
    addMembers: async (request, caller) => {
      const { groupId, actorId } = acting(request);
      const members = field.list("members", request.members, 1, MEMBERS_MAX, field.userId);
      return told(await groups.add(actorId, groupId, members, caller.requestId));
    },
    removeMember: async (request, caller) => {
      const { groupId, actorId } = acting(request);
      return told(await groups.remove(actorId, groupId, field.userId("user_id", request.userId), caller.requestId));
    },
    updateGroup: async (request, caller) => {
      const { groupId, actorId } = acting(request);
      const { title, avatar, announcement, slowModeS, mutedUntil } = request;
      if (title !== undefined) field.text("title", title, 1, TITLE_MAX);
      if (avatar !== undefined) field.text("avatar", avatar, 0, AVATAR_MAX);
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

const acting = (request: { groupId: string; actorId: string }): { groupId: string; actorId: string } => ({
  groupId: field.groupId("group_id", request.groupId),
  actorId: field.userId("actor_id", request.actorId),
});

const told = (outcome: Outcome): sys.GroupOutcome => ({ applied: outcome === "applied" });
