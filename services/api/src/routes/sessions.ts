import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import { route } from "../http/route.js";
import { pageOf, sessionId } from "./schemas.js";
import { who } from "./who.js";

const sessionView = z
  .object({
    id: z.string(),
    device_id: z.string(),
    platform: z.string(),
    created_at: z.int(),
    last_used_at: z.int(),
    current: z.boolean().meta({ description: "Whether it is the session that asks" }),
  })
  .meta({ id: "Session" });

const tag = "Sessions";

export const sessionRoutes = [
  route({
    id: "listSessions",
    method: "get",
    path: "/v1/sessions",
    tag,
    summary: "One's logins, the last used first",
    who: who.self,
    response: pageOf(sessionView),
    errors: [],
    handler: async ({ store, ctx }, { claims }) => {
      const rows = await store.sessions.list(claims.userId, ctx.clock.now());
      const items = rows.map((row) => ({
        id: row.id,
        device_id: row.deviceId,
        platform: row.platform,
        created_at: row.createdAt,
        last_used_at: row.lastUsedAt,
        current: row.id === claims.sessionId,
      }));
      return { data: { items, next_cursor: null } };
    },
  }),
  route({
    id: "endSession",
    method: "delete",
    path: "/v1/sessions/{id}",
    tag,
    summary: "End a session: its tokens are no longer good and its connection is closed with 4403",
    who: "Every user, one's own sessions; another's is `NOT_FOUND` as one that does not exist.",
    params: z.strictObject({ id: sessionId }),
    response: z.object({}),
    errors: ["NOT_FOUND"],
    handler: async ({ accounts }, { claims, params }) => {
      const ended = await accounts.revoke(claims.userId, [params.id]);
      if (ended.length === 0) throw new AppError("NOT_FOUND");
      return { data: {} };
    },
  }),
];
