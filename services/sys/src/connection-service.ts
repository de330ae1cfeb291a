import type { LiveGateways } from "@dunlin/domain";
import { publishControl } from "@dunlin/domain";
import type { Route } from "@dunlin/engines/cache";
import type { sys } from "@dunlin/proto";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const USERS_MAX = 500;

const toConnection = ({ deviceId, sessionId, platform, slot, status, connectedAt }: Route): sys.Connection => ({
  deviceId,
  sessionId,
  platform,
  slot,
  status,
  connectedAt,
});

export const connectionService = (
  { cache }: Pick<SysContext, "cache">,
  gateways: LiveGateways,
): Handlers<typeof sys.ConnectionServiceService> => ({
  listConnections: async (request) => {
    const userId = field.userId("user_id", request.userId);
    return { connections: ((await gateways.routes([userId])).get(userId) ?? []).map(toConnection) };
  },
  getConnections: async (request) => {
    const userIds = field.list("user_ids", request.userIds, 1, USERS_MAX, field.userId);
    const routes = await gateways.routes(userIds);
    return { users: userIds.map((userId) => ({ userId, connections: (routes.get(userId) ?? []).map(toConnection) })) };
  },
  kick: async (request) => {
    const userId = field.userId("user_id", request.userId);
    const deviceId = request.deviceId === "" ? "" : field.ruled("device_id", request.deviceId, "deviceId");
    const routes = (await gateways.routes([userId])).get(userId) ?? [];
    // Ordered whether or not a route is known: a connection may be there whose route is not yet, or no longer.
    await publishControl(cache, { kind: "close", userId, ...(deviceId === "" ? {} : { deviceId }), close: "KICKED", revoked: false });
    return { kicked: routes.filter((route) => deviceId === "" || route.deviceId === deviceId).length };
  },
});
