import { conversationIdOf, DIALOG_PINS_MAX, DRAFT_MAX, dialogTexts, messageTexts, ownDialog, visibleRange } from "@dunlin/domain";
import { z } from "zod";
import { makeCursor, readCursor } from "../cursor.js";
import { route } from "../http/route.js";
import { pageText } from "./page-text.js";
import { changeView, cursorParameter, dialogView, messageView, pageOf, peerId, queryInteger, SEQ_MAX } from "./schemas.js";
import { who } from "./who.js";

const MENTIONS_MAX = 200;
const DEFAULT_LIMIT = 50;
const tag = "Dialogs";
const peerParameter = z.strictObject({ peer: peerId });
const counts = {
  unread: z.int(),
  unread_mentions: z.int(),
  dialogs: z.int().meta({ description: "Dialogs with something unread, or marked as unread" }),
};

const statusOf = (outcome: "applied" | "accepted"): number => (outcome === "applied" ? 200 : 202);

export const dialogViewRoutes = [
  route({
    id: "countUnread",
    method: "get",
    path: "/v1/dialogs/unread",
    tag,
    summary: "What is unread in all dialogs together; those muted now are counted apart",
    who: who.self,
    response: z.object({ ...counts, muted: z.object(counts) }).meta({ id: "UnreadCounts" }),
    errors: [],
    handler: async ({ store, ctx }, { claims }) => {
      const { muted, ...loud } = await store.dialogs.unread(claims.userId, ctx.clock.now());
      const show = (one: typeof muted) => ({ unread: one.unread, unread_mentions: one.unreadMentions, dialogs: one.dialogs });
      return { data: { ...show(loud), muted: show(muted) } };
    },
  }),
  route({
    id: "orderPins",
    method: "put",
    path: "/v1/dialogs/pinned",
    tag,
    summary: "Pin these dialogs, the first on top, and unpin all others. 202 when it takes effect a little later",
    who: "Every user, of one's own dialogs.",
    bounds: `At most ${DIALOG_PINS_MAX} pinned dialogs`,
    body: z.strictObject({ peers: z.array(peerId).max(DIALOG_PINS_MAX) }).meta({ id: "PinnedRequest" }),
    statuses: [200, 202],
    response: changeView,
    errors: ["NOT_FOUND", "DIALOG_PINS_FULL", "QUEUE_FULL"],
    handler: async ({ dialogs }, { claims, body, requestId }) => {
      const state = await dialogs.order(claims.userId, body.peers, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "changeDialog",
    method: "patch",
    path: "/v1/dialogs/{peer}",
    tag,
    summary: "Pin, mute, archive, mark as unread, keep a draft; on all of one's devices. 202 when it takes effect a little later",
    who: who.dialog,
    bounds: `At most ${DIALOG_PINS_MAX} pinned dialogs, a draft of ${DRAFT_MAX} characters`,
    params: peerParameter,
    body: z
      .strictObject({
        pinned: z
          .boolean()
          .optional()
          .meta({ description: `The newest pinned one is on top; at most ${DIALOG_PINS_MAX}` }),
        muted_until: z.int().min(0).max(SEQ_MAX).optional().meta({ description: "ms since 1970, 0: not muted" }),
        draft: z.string().max(DRAFT_MAX).optional().meta({ description: "Empty: none" }),
        archived: z.boolean().optional(),
        marked_unread: z.boolean().optional().meta({ description: "Reading the dialog takes it away" }),
      })
      .refine((body) => Object.values(body).some((value) => value !== undefined), "nothing to change")
      .meta({ id: "ChangeDialogRequest" }),
    statuses: [200, 202],
    response: dialogView,
    errors: ["NOT_FOUND", "PEER_NOT_FOUND", "NOT_A_MEMBER", "GROUP_UPGRADED", "DIALOG_PINS_FULL", "QUEUE_FULL"],
    handler: async ({ store, dialogs }, { claims, params: { peer }, body, requestId }) => {
      const { pinned, muted_until: mutedUntil, draft, archived, marked_unread: markedUnread } = body;
      const settings = { pinned, mutedUntil, draft, archived, markedUnread };
      const { dialog, outcome } = await dialogs.change(claims.userId, peer, settings, requestId);
      const [json = ""] = await dialogTexts(store, claims.userId, [dialog]);
      return { status: statusOf(outcome), json };
    },
  }),
  route({
    id: "deleteDialog",
    method: "delete",
    path: "/v1/dialogs/{peer}",
    tag,
    summary: "Delete a dialog and its messages for oneself; a later message brings it back. 202 when it takes effect a little later",
    who: who.dialog,
    params: peerParameter,
    statuses: [200, 202],
    response: changeView,
    errors: ["NOT_FOUND", "PEER_NOT_FOUND", "NOT_A_MEMBER", "GROUP_UPGRADED", "QUEUE_FULL"],
    handler: async ({ dialogs }, { claims, params: { peer }, requestId }) => {
      const state = await dialogs.remove(claims.userId, peer, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "listMentions",
    method: "get",
    path: "/v1/dialogs/{peer}/mentions",
    tag,
    summary: "Unread messages that mention the caller or everybody, the oldest first",
    who: who.dialog,
    params: peerParameter,
    query: z.strictObject({ cursor: cursorParameter.optional(), limit: queryInteger(1, MENTIONS_MAX).optional() }),
    response: pageOf(messageView),
    errors: ["NOT_FOUND", "PEER_NOT_FOUND", "NOT_A_MEMBER", "GROUP_UPGRADED"],
    handler: async ({ store, access }, { claims: { userId }, params: { peer }, query }) => {
      const list = `mentions ${peer}`;
      const after = query.cursor === undefined ? 0 : readCursor(list, userId, z.int().min(0), query.cursor);
      const [dialog, range] = await Promise.all([ownDialog(store, access, userId, peer), visibleRange(store, access, userId, peer)]);
      const limit = query.limit ?? DEFAULT_LIMIT;
      const found = await store.messages.mentions({
        conversationId: conversationIdOf(userId, peer),
        userId,
        afterSeq: Math.max(dialog.readSeq, range.afterSeq, after),
        upToSeq: Math.min(dialog.topSeq, range.upToSeq),
        limit: limit + 1,
      });
      const shown = found.slice(0, limit);
      const last = found.length > limit ? shown.at(-1) : undefined;
      return { json: pageText(await messageTexts(store, userId, shown), last ? makeCursor(list, userId, last.seq) : null) };
    },
  }),
];
