import { supergroupFrame } from "@dunlin/domain";
import type { sys } from "@dunlin/proto";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import { fitting } from "./frames.js";
import type { Handlers } from "./unary.js";

const USERS_MAX = 200;
const SUPERGROUPS_MAX = 1_000;
const ENTRIES_MAX = 1_000;

/** What gateways need of supergroups: who follows which, how far logs reach, and what a hole hides. */
export const supergroupService = ({ store }: Pick<SysContext, "store">): Handlers<typeof sys.SupergroupServiceService> => ({
  listSupergroups: async (request) => {
    const userIds = field.list("user_ids", request.userIds, 1, USERS_MAX, field.userId);
    const limit = field.integer("limit", request.limit, 1, SUPERGROUPS_MAX);
    const found = await store.supergroups.ofUsers(userIds, limit);
    return { users: userIds.map((userId) => ({ supergroupIds: found.get(userId) ?? [] })) };
  },
  getHeads: async (request) => {
    const ids = field.list("supergroup_ids", request.supergroupIds, 1, SUPERGROUPS_MAX, field.supergroupId);
    const heads = await store.supergroups.heads(ids);
    return { heads: [...heads].map(([supergroupId, seq]) => ({ supergroupId, seq })) };
  },
  getSupergroupLog: async (request) => {
    const id = field.supergroupId("supergroup_id", request.supergroupId);
    const after = field.integer("seq", request.seq, 0, Number.MAX_SAFE_INTEGER);
    const log = await store.supergroups.log(id, after, field.integer("limit", request.limit, 1, ENTRIES_MAX));
    const texts = fitting(log.entries, (entry) => supergroupFrame(id, entry));
    return { entries: texts.map((json, i) => ({ seq: log.entries[i]?.seq ?? 0, json })), seq: log.seq };
  },
});
