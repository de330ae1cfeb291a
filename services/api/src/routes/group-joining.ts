import { groupLimits, type InviteLink } from "@dunlin/domain";
import { z } from "zod";
import { makeCursor, readCursor } from "../cursor.js";
import { route } from "../http/route.js";
import { groupParameter, statusOf, tag } from "./groups.js";
import { anyGroupId, changeView, pageOf, pageQuery, plainText, time, userId } from "./schemas.js";
import { who } from "./who.js";

const DEFAULT_LIMIT = 50;

const linkView = z
  .object({
    link: z.string().meta({ description: "The code that leads into the group" }),
    expires_at: time("When it ends, 0 for never"),
    max_uses: z.int().meta({ description: "Times it may be used, to join or to ask to; 0: as often as wanted" }),
    uses: z.int(),
  })
  .meta({ id: "InviteLink" });

const showLink = (link: InviteLink): z.input<typeof linkView> => ({
  link: link.link,
  expires_at: link.expiresAt,
  max_uses: link.maxUses,
  uses: link.uses,
});

const governing = ["NOT_A_MEMBER", "GROUP_DISSOLVED", "FORBIDDEN", "NOT_FOUND", "QUEUE_FULL"] as const;

export const groupJoiningRoutes = [
  route({
    id: "createInviteLink",
    method: "post",
    path: "/v1/groups/{id}/invite-link",
    tag,
    summary: "A new invite link in place of the one there is; it works unless `join` is invite. 202 when it takes effect a little later",
    who: who.leaders,
    params: groupParameter,
    body: z
      .strictObject({
        expires_at: z.int().min(0).optional().meta({ description: "ms since 1970; 0 or not given: never" }),
        max_uses: z.int().min(0).max(groupLimits.linkUses).optional(),
      })
      .meta({ id: "InviteLinkRequest" }),
    statuses: [201, 202],
    response: linkView,
    errors: governing,
    handler: async ({ governance }, { claims, params, body, requestId }) => {
      const terms = { expiresAt: body.expires_at ?? 0, maxUses: body.max_uses ?? 0 };
      const { link, outcome } = await governance.newLink(claims.userId, params.id, terms, requestId);
      return { status: outcome === "applied" ? 201 : 202, data: showLink(link) };
    },
  }),
  route({
    id: "getInviteLink",
    method: "get",
    path: "/v1/groups/{id}/invite-link",
    tag,
    summary: "The invite link; the owner and admins may see it",
    who: who.leaders,
    params: groupParameter,
    response: linkView,
    errors: ["NOT_A_MEMBER", "GROUP_DISSOLVED", "FORBIDDEN", "NOT_FOUND"],
    handler: async ({ governance }, { claims, params }) => ({ data: showLink(await governance.link(claims.userId, params.id)) }),
  }),
  route({
    id: "revokeInviteLink",
    method: "delete",
    path: "/v1/groups/{id}/invite-link",
    tag,
    summary: "The invite link works no longer. 202 when it takes effect a little later",
    who: who.leaders,
    params: groupParameter,
    statuses: [200, 202],
    response: changeView,
    errors: governing,
    handler: async ({ governance }, { claims, params, requestId }) => {
      const state = await governance.revokeLink(claims.userId, params.id, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "joinByLink",
    method: "post",
    path: "/v1/groups/join",
    tag,
    summary: "Come in by an invite link, or ask to where that needs approval. 202 when it takes effect a little later",
    who: "Whoever has the link and is not banned; a link that is not good is `LINK_INVALID`, whatever the reason.",
    bounds:
      "The uses and the end that the link was given. At most 1,000 requests wait in a group; who was refused may not ask again for `IM_JOIN_REQUEST_PAUSE_S`",
    body: z
      .strictObject({
        link: z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{1,64}$/, "not an invite link's code"),
        message: plainText(groupLimits.joinMessage).optional().meta({ description: "To those who decide" }),
      })
      .meta({ id: "JoinByLinkRequest" }),
    statuses: [200, 202],
    response: z.object({ state: z.enum(["joined", "requested", "accepted"]), group_id: z.string() }).meta({ id: "Joining" }),
    errors: [
      "LINK_INVALID",
      "BANNED",
      "NOT_FOUND",
      "PEER_NOT_FOUND",
      "GROUP_DISSOLVED",
      "GROUP_FULL",
      "JOIN_REQUESTS_FULL",
      "JOIN_REFUSED",
      "QUEUE_FULL",
    ],
    handler: async ({ joining }, { claims, body, requestId }) => {
      const { groupId: group_id, state } = await joining.join(claims.userId, body.link, body.message ?? "", requestId);
      return { status: state === "accepted" ? 202 : 200, data: { state, group_id } };
    },
  }),
  route({
    id: "listJoinRequests",
    method: "get",
    path: "/v1/groups/{id}/join-requests",
    tag,
    summary: "Who waits to be let in, the longest waiting first; the owner and admins may see it",
    who: who.leaders,
    params: groupParameter,
    query: pageQuery,
    response: pageOf(
      z
        .object({
          user_id: z.string(),
          message: z.string(),
          requested_at: time("When the user asked"),
          expires_at: time("Until when the request waits"),
        })
        .meta({ id: "JoinRequest" }),
    ),
    errors: ["NOT_A_MEMBER", "FORBIDDEN", "GROUP_DISSOLVED"],
    handler: async ({ access, store, ctx }, { claims, params, query }) => {
      await access.governed(claims.userId, params.id, "answerJoinRequests");
      const list = `join-requests ${params.id}`;
      const place = z.tuple([z.int().min(0), z.string().max(64)]);
      const at = query.cursor === undefined ? undefined : readCursor(list, claims.userId, place, query.cursor);
      const limit = query.limit ?? DEFAULT_LIMIT;
      const after = at && { requestedAt: at[0], userId: at[1] };
      const rows = await store.groups.joinRequests(params.id, after, ctx.clock.now(), limit + 1);
      const shown = rows.slice(0, limit);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      return {
        data: {
          items: shown.map((row) => ({
            user_id: row.userId,
            message: row.message,
            requested_at: row.requestedAt,
            expires_at: row.expiresAt,
          })),
          next_cursor: last ? makeCursor(list, claims.userId, [last.requestedAt, last.userId]) : null,
        },
      };
    },
  }),
  route({
    id: "answerJoinRequest",
    method: "post",
    path: "/v1/groups/{id}/join-requests/{user}",
    tag,
    summary: "Let in who has asked, or do not; the owner and admins may. 202 when it takes effect a little later",
    who: who.leaders,
    params: z.strictObject({ id: anyGroupId, user: userId }),
    body: z.strictObject({ accept: z.boolean() }).meta({ id: "JoinAnswer" }),
    statuses: [200, 202],
    response: changeView,
    errors: [...governing, "GROUP_FULL"],
    handler: async ({ governance }, { claims, params, body, requestId }) => {
      const state = await governance.answer(claims.userId, params.id, params.user, body.accept, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
];
