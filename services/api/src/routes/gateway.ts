import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import { route } from "../http/route.js";

export const gatewayRoutes = [
  route({
    id: "findGateway",
    method: "get",
    path: "/v1/gateway",
    tag: "Updates",
    summary: "Where to connect, the least loaded first",
    who: "Every user.",
    response: z
      .object({
        urls: z.array(z.string()).meta({ description: "WebSocket URLs; append ?token=" }),
        protocols: z.array(z.string()).meta({ description: "What to offer as Sec-WebSocket-Protocol" }),
      })
      .meta({ id: "Gateway" }),
    errors: [],
    handler: async ({ gateways }) => {
      const urls = gateways.urls();
      if (urls.length === 0) throw new AppError("UNAVAILABLE", "no gateway is up", { retryAfterS: 2 });
      return { data: { urls, protocols: ["text"] } };
    },
  }),
];
