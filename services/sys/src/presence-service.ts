import type { Presences } from "@dunlin/domain";
import type { sys } from "@dunlin/proto";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const USERS_MAX = 1_000;
const PAIRS_MAX = 1_000;

export const presenceService = (presences: Presences): Handlers<typeof sys.PresenceServiceService> => ({
  getPresence: async (request) => {
    const userIds = field.list("user_ids", request.userIds, 1, USERS_MAX, field.userId);
    const users = await presences.all(userIds);
    return { users: users.map(({ userId, status, lastSeen }) => ({ userId, status, lastSeen: lastSeen ?? undefined })) };
  },
  checkVisibility: async ({ pairs }) => {
    field.list("pairs", pairs, 0, PAIRS_MAX, (name, pair) => {
      field.userId(`${name}.viewer_id`, pair.viewerId);
      field.userId(`${name}.user_id`, pair.userId);
      return pair;
    });
    return { visible: await presences.visible(pairs) };
  },
});
