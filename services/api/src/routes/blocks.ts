import { z } from "zod";
import type { Api } from "../api.js";
import { makeCursor, readCursor } from "../cursor.js";
import { route } from "../http/route.js";
import { changeView, cursorParameter, pageOf, queryInteger, time, userId } from "./schemas.js";
import { who } from "./who.js";

const BLOCKS_PAGE_MAX = 200;
const DEFAULT_LIMIT = 100;
const userParameter = z.strictObject({ user: userId });

const blockView = z
  .object({ user_id: z.string(), nickname: z.string(), avatar: z.string(), since: time("When the user was blocked") })
  .meta({ id: "Block" });

const set = async ({ blocks }: Api, caller: string, user: string, blocked: boolean, requestId: string) => {
  const state = await blocks.set(caller, user, blocked, requestId);
  return { status: state === "applied" ? 200 : 202, data: { state } };
};

const tag = "Blocks";

export const blockRoutes = [
  route({
    id: "blockUser",
    method: "put",
    path: "/v1/blocks/{user}",
    tag,
    summary:
      "Keep a user away: no messages between the two, no contact requests, no adding each other to groups, no presence and no read receipts. One's devices learn it by a BLOCK update, the other user does not. 202 when it takes effect a little later",
    who: who.self,
    bounds: "At most 5,000 blocks",
    params: userParameter,
    statuses: [200, 202],
    response: changeView,
    errors: ["PEER_NOT_FOUND", "LIST_FULL", "NOT_FOUND", "QUEUE_FULL"],
    handler: (api, { claims, params, requestId }) => set(api, claims.userId, params.user, true, requestId),
  }),
  route({
    id: "unblockUser",
    method: "delete",
    path: "/v1/blocks/{user}",
    tag,
    summary: "No longer keep a user away. 202 when it takes effect a little later",
    who: who.self,
    params: userParameter,
    statuses: [200, 202],
    response: changeView,
    errors: ["PEER_NOT_FOUND", "NOT_FOUND", "QUEUE_FULL"],
    handler: (api, { claims, params, requestId }) => set(api, claims.userId, params.user, false, requestId),
  }),
  route({
    id: "listBlocks",
    method: "get",
    path: "/v1/blocks",
    tag,
    summary: "Whom one keeps away, by user id",
    who: who.self,
    query: z.strictObject({ cursor: cursorParameter.optional(), limit: queryInteger(1, BLOCKS_PAGE_MAX).optional() }),
    response: pageOf(blockView),
    errors: [],
    handler: async ({ store }, { claims, query }) => {
      const after = query.cursor === undefined ? "" : readCursor("blocks", claims.userId, z.string().max(64), query.cursor);
      const limit = query.limit ?? DEFAULT_LIMIT;
      const rows = await store.contacts.blocks(claims.userId, after, limit + 1);
      const shown = rows.slice(0, limit);
      const users = new Map((await store.users.get(shown.map((row) => row.peer))).map((user) => [user.id, user]));
      const last = rows.length > limit ? shown.at(-1) : undefined;
      return {
        data: {
          items: shown.map(({ peer, since }) => {
            const user = users.get(peer);
            return { user_id: peer, nickname: user?.nickname ?? "", avatar: user?.avatar ?? "", since };
          }),
          next_cursor: last ? makeCursor("blocks", claims.userId, last.peer) : null,
        },
      };
    },
  }),
];
