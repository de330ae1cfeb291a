import type { LiveGateways } from "@dunlin/domain";
import { publishControl } from "@dunlin/domain";
import type { sys } from "@dunlin/proto";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

export const connectionService = (
  { cache }: Pick<SysContext, "cache">,
  gateways: LiveGateways,
): Handlers<typeof sys.ConnectionServiceService> => ({
  listConnections: async (request) => {
    const userId = field.userId("user_id", request.userId);
    const routes = (await gateways.routes([userId])).get(userId) ?? [];
    return {
      connections: routes.map(({ deviceId, sessionId, platform, slot, status, connectedAt }) => ({
        deviceId,
        sessionId,
        platform,
        slot,
        status,
        connectedAt,
      })),
    };
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
