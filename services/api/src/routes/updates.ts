import { updateText } from "@dunlin/domain";
import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import { route } from "../http/route.js";
import { frameView, queryInteger, SEQ_MAX } from "./schemas.js";
import { who } from "./who.js";

const UPDATES_MAX = 1_000;
const DEFAULT_LIMIT = 100;

export const updateRoutes = [
  route({
    id: "getDifference",
    method: "get",
    path: "/v1/updates",
    tag: "Updates",
    summary:
      "What happened after a pts; the same frames that the WebSocket carries. It is a log: a message that one has deleted for oneself meanwhile is still in it, and its DELETE behind it, so whoever applies all up to `pts` sees what one's other devices see",
    who: who.self,
    bounds: "At most 1,000 updates at once",
    query: z.strictObject({
      pts: queryInteger(0, SEQ_MAX).meta({ description: "The last pts one has; 0 for the beginning" }),
      limit: queryInteger(1, UPDATES_MAX).optional(),
    }),
    response: z
      .object({
        updates: z.array(frameView),
        pts: z.int().meta({ description: "One's newest pts" }),
        has_more: z.boolean(),
        too_long: z.boolean().meta({ description: "The pts lies before what is kept: reload the dialogs" }),
      })
      .meta({ id: "Difference" }),
    errors: [],
    handler: async ({ store }, { claims, query }) => {
      const difference = await store.updates.difference(claims.userId, query.pts, query.limit ?? DEFAULT_LIMIT).catch((error: unknown) => {
        // A good token whose user is gone.
        throw error instanceof AppError && error.code === "NOT_FOUND" ? new AppError("TOKEN_INVALID") : error;
      });
      const { updates, pts, hasMore, tooLong } = difference;
      return { json: `{"updates":[${updates.map(updateText).join(",")}],"pts":${pts},"has_more":${hasMore},"too_long":${tooLong}}` };
    },
  }),
];
