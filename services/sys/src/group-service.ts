import type { Groups } from "@dunlin/domain";
import type { sys } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const TITLE_MAX = 128;
/** No group is larger, whatever the setting. */
const MEMBERS_MAX = 200;

export const groupService = (
  { store, clock }: Pick<SysContext, "store" | "clock">,
  groups: Groups,
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
  };
};
