import type { LiveGateways } from "@dunlin/domain";
import type { sys } from "@dunlin/proto";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const USERS_MAX = 1_000;

export const presenceService = (gateways: LiveGateways): Handlers<typeof sys.PresenceServiceService> => ({
  getPresence: async (request) => {
    const userIds = field.list("user_ids", request.userIds, 1, USERS_MAX, field.userId);
    const routes = await gateways.routes(userIds);
    const statusOf = (userId: string): string => {
      const held = routes.get(userId);
      if (!held) return "offline";
      return held.some((route) => route.status === "active") ? "active" : "away";
    };
    return { users: userIds.map((userId) => ({ userId, status: statusOf(userId) })) };
  },
});
