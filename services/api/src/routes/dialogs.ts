import { conversationIdOf, dialogTexts, markRead, messageTexts, ownDialog, visibleRange } from "@dunlin/domain";
import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import { makeCursor, readCursor } from "../cursor.js";
import { route } from "../http/route.js";
import { pageText } from "./page-text.js";
import { cursorParameter, dialogView, messageView, pageOf, peerId, queryInteger, SEQ_MAX } from "./schemas.js";
import { who } from "./who.js";

const DIALOGS_MAX = 100;
const HISTORY_MAX = 200;
const DEFAULT_LIMIT = 50;

const dialogPlace = z.tuple([z.int().min(0), z.int().min(0), z.int().min(0), z.int().min(0), z.string().max(64)]);
const historyPlace = z.tuple([z.enum(["before", "after"]), z.int().min(0)]);
const peerParameter = z.strictObject({ peer: peerId });

const tag = "Dialogs";

export const dialogRoutes = [
  route({
    id: "listDialogs",
    method: "get",
    path: "/v1/dialogs",
    tag,
    summary: "One's dialogs: pinned first, then by last activity",
    who: who.self,
    query: z.strictObject({ cursor: cursorParameter.optional(), limit: queryInteger(1, DIALOGS_MAX).optional() }),
    response: pageOf(dialogView),
    errors: [],
    handler: async ({ store }, { claims: { userId }, query }) => {
      const place = query.cursor === undefined ? undefined : readCursor("dialogs", userId, dialogPlace, query.cursor);
      const limit = query.limit ?? DEFAULT_LIMIT;
      const after = place && { asOf: place[0], newestAt: place[1], pinned: place[2], updatedAt: place[3], peer: place[4] };
      const { dialogs, next } = await store.dialogs.list(userId, after, limit);
      const cursor = next ? makeCursor("dialogs", userId, [next.asOf, next.newestAt, next.pinned, next.updatedAt, next.peer]) : null;
      return { json: pageText(await dialogTexts(store, userId, dialogs), cursor) };
    },
  }),
  route({
    id: "getDialog",
    method: "get",
    path: "/v1/dialogs/{peer}",
    tag,
    summary: "One dialog",
    who: who.dialog,
    params: peerParameter,
    response: dialogView,
    errors: ["NOT_FOUND", "PEER_NOT_FOUND", "NOT_A_MEMBER", "GROUP_UPGRADED"],
    handler: async (api, { claims: { userId }, params: { peer } }) => {
      const row = await ownDialog(api.store, api.access, userId, peer);
      const [json = ""] = await dialogTexts(api.store, userId, [row]);
      return { json };
    },
  }),
  route({
    id: "getHistory",
    method: "get",
    path: "/v1/dialogs/{peer}/messages",
    tag,
    summary: "Messages ascending by seq: the newest, those before a place, or those after one",
    who: who.dialog,
    params: peerParameter,
    query: z
      .strictObject({
        before_seq: queryInteger(1, SEQ_MAX).optional(),
        after_seq: queryInteger(0, SEQ_MAX).optional(),
        cursor: cursorParameter.optional(),
        limit: queryInteger(1, HISTORY_MAX).optional(),
      })
      .meta({ description: "At most one of before_seq, after_seq and cursor" }),
    response: pageOf(messageView),
    errors: ["PEER_NOT_FOUND", "NOT_A_MEMBER", "GROUP_UPGRADED"],
    handler: async (api, { claims: { userId }, params: { peer }, query }) => {
      const { before_seq, after_seq, cursor } = query;
      if ([before_seq, after_seq, cursor].filter((given) => given !== undefined).length > 1) {
        throw new AppError("BAD_REQUEST", "before_seq, after_seq and cursor exclude each other");
      }
      const { afterSeq: hidden, upToSeq } = await visibleRange(api.store, api.access, userId, peer);
      const list = `history ${peer}`;
      const place = cursor === undefined ? undefined : readCursor(list, userId, historyPlace, cursor);
      const afterSeq = after_seq ?? (place?.[0] === "after" ? place[1] : undefined);
      const beforeSeq = before_seq ?? (place?.[0] === "before" ? place[1] : undefined);
      const limit = query.limit ?? DEFAULT_LIMIT;
      const rows = await api.store.messages.history({
        conversationId: conversationIdOf(userId, peer),
        limit: limit + 1,
        viewer: userId,
        ...(beforeSeq === undefined && upToSeq === SEQ_MAX ? {} : { beforeSeq: Math.min(beforeSeq ?? SEQ_MAX, upToSeq + 1) }),
        ...(afterSeq === undefined ? {} : { afterSeq: Math.max(afterSeq, hidden) }),
      });
      const visible = rows.filter((row) => row.seq > hidden);
      const forward = afterSeq !== undefined;
      const more = visible.length > limit;
      const shown = !more ? visible : forward ? visible.slice(0, limit) : visible.slice(-limit);
      const edge = more ? (forward ? shown.at(-1) : shown[0]) : undefined;
      const next = edge ? makeCursor(list, userId, [forward ? "after" : "before", edge.seq]) : null;
      return { json: pageText(await messageTexts(api.store, userId, shown), next) };
    },
  }),
  route({
    id: "listPinned",
    method: "get",
    path: "/v1/dialogs/{peer}/pinned",
    tag,
    summary: "The pinned messages of a conversation, the newest pin first",
    who: who.dialog,
    params: peerParameter,
    response: pageOf(
      z
        .object({ message: messageView, pinned_by: z.string(), pinned_at: z.int().meta({ description: "ms since 1970" }) })
        .meta({ id: "Pin" }),
    ),
    errors: ["PEER_NOT_FOUND", "NOT_A_MEMBER"],
    handler: async (api, { claims: { userId }, params: { peer } }) => {
      const pinned = await api.changes.pinned(userId, peer, await visibleRange(api.store, api.access, userId, peer));
      const texts = await messageTexts(
        api.store,
        userId,
        pinned.map(({ message }) => message),
      );
      const items = pinned.map(({ pin }, i) => `{"message":${texts[i]},"pinned_by":"${pin.pinnedBy}","pinned_at":${pin.pinnedAt}}`);
      return { json: pageText(items, null) };
    },
  }),
  route({
    id: "markRead",
    method: "post",
    path: "/v1/dialogs/{peer}/read",
    tag,
    summary: "Everything up to a seq is read; 202 when it takes effect a little later",
    who: who.dialog,
    params: peerParameter,
    body: z.strictObject({ seq: z.int().min(0).max(SEQ_MAX) }).meta({ id: "ReadRequest" }),
    statuses: [200, 202],
    response: dialogView,
    errors: ["NOT_FOUND", "PEER_NOT_FOUND", "NOT_A_MEMBER", "GROUP_UPGRADED", "QUEUE_FULL"],
    handler: async (api, { claims: { userId }, params: { peer }, body, requestId }) => {
      const { dialog, outcome } = await markRead(api.store, api.access, api.outcomes, userId, peer, body.seq, requestId);
      const [json = ""] = await dialogTexts(api.store, userId, [dialog]);
      return { status: outcome === "applied" ? 200 : 202, json };
    },
  }),
];
