import { supergroupDifference } from "@dunlin/domain";
import { z } from "zod";
import { route } from "../http/route.js";
import { changeView, entryView, groupId, queryInteger, SEQ_MAX, supergroupId } from "./schemas.js";
import { who } from "./who.js";

const UPDATES_MAX = 1_000;
const DEFAULT_LIMIT = 100;
const tag = "Groups";

export const supergroupRoutes = [
  route({
    id: "getSupergroupDifference",
    method: "get",
    path: "/v1/supergroups/{id}/updates",
    tag: "Updates",
    summary: "A supergroup's log after a pts, for its members; the same frames that the WebSocket carries",
    who: "The supergroup's members; to anybody else `NOT_A_MEMBER`, whether there is such a supergroup or not.",
    params: z.strictObject({ id: supergroupId }),
    query: z.strictObject({
      pts: queryInteger(0, SEQ_MAX).meta({ description: "The seq of the last entry one has" }),
      limit: queryInteger(1, UPDATES_MAX).optional(),
    }),
    response: z
      .object({
        updates: z.array(entryView),
        pts: z.int().meta({ description: "How far the log reaches" }),
        has_more: z.boolean(),
        too_long: z.boolean().meta({ description: "The pts lies too far back, before one joined, or beyond the end: load the history" }),
      })
      .meta({ id: "SupergroupDifference" }),
    errors: ["NOT_A_MEMBER"],
    handler: async ({ store, access, ctx }, { claims: { userId }, params: { id }, query }) => {
      const { updates, pts, hasMore, tooLong } = await supergroupDifference(store, access, ctx.config.IM_SUPERGROUP_CATCH_UP_MAX, {
        userId,
        id,
        pts: query.pts,
        limit: query.limit ?? DEFAULT_LIMIT,
      });
      return { json: `{"updates":[${updates.join(",")}],"pts":${pts},"has_more":${hasMore},"too_long":${tooLong}}` };
    },
  }),
  route({
    id: "joinSupergroup",
    method: "post",
    path: "/v1/groups/{id}/join",
    tag,
    summary: "Join a supergroup whose `join` is open; everything before counts as read. 202 when it takes effect a little later",
    who: "Every user who is not banned, where `join` is open; elsewhere `NOT_FOUND`, as if there were none.",
    bounds: "At most `IM_SUPERGROUP_MEMBERS_MAX` members",
    params: z.strictObject({ id: supergroupId }),
    statuses: [200, 202],
    response: changeView,
    errors: ["NOT_FOUND", "BANNED", "GROUP_DISSOLVED", "GROUP_FULL", "QUEUE_FULL"],
    handler: async ({ supergroups }, { claims, params, requestId }) => {
      const state = await supergroups.join(claims.userId, params.id, requestId);
      return { status: state === "applied" ? 200 : 202, data: { state } };
    },
  }),
  route({
    id: "upgradeGroup",
    method: "post",
    path: "/v1/groups/{id}/upgrade",
    tag,
    summary:
      "Let a group go on as a supergroup under a new id, its history and rules kept; the owner may. 202 when it takes effect a little later",
    who: who.owner,
    params: z.strictObject({ id: groupId }),
    statuses: [200, 202],
    response: z.object({ id: z.string().meta({ description: "The supergroup" }), state: changeView.shape.state }).meta({ id: "Upgraded" }),
    errors: ["NOT_A_MEMBER", "FORBIDDEN", "GROUP_DISSOLVED", "GROUP_UPGRADED", "NOT_FOUND", "QUEUE_FULL"],
    handler: async ({ supergroups }, { claims, params, requestId }) => {
      const { id, outcome } = await supergroups.upgrade(claims.userId, params.id, requestId);
      return { status: outcome === "applied" ? 200 : 202, data: { id, state: outcome } };
    },
  }),
];
