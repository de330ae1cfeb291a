import { groupLimits } from "@dunlin/domain";
import { z } from "zod";
import { makeCursor, readCursor } from "../cursor.js";
import { route } from "../http/route.js";
import { groupParameter, showGroup, statusOf, tag } from "./groups.js";
import { anyGroupId, changeView, groupView, joinMode, pageOf, pageQuery, plainText, time, userId } from "./schemas.js";
import { avatar } from "./users.js";
import { who } from "./who.js";

const DEFAULT_LIMIT = 50;
const memberParameters = z.strictObject({ id: anyGroupId, user: userId });
const until = z.int().min(0).meta({ description: "ms since 1970; 0: no longer" });
/** Text of several lines. */
const announcement = z
  .string()
  .max(groupLimits.announcement)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .regex(/^[^\u0000-\u0009\u000b-\u001f\u007f]*$/, "control characters other than line breaks are not allowed");
const something = (change: object): boolean => Object.keys(change).length > 0;

/** Errors of every operation on a group by one of its members. */
const governing = ["NOT_A_MEMBER", "GROUP_DISSOLVED", "FORBIDDEN", "NOT_FOUND", "QUEUE_FULL"] as const;

export const groupGovernanceRoutes = [
  route({
    id: "updateGroup",
    method: "patch",
    path: "/v1/groups/{id}",
    tag,
    summary: "Change what a group says of itself; the owner and admins may. 202 when it takes effect a little later",
    who: who.leaders,
    params: groupParameter,
    body: z
      .strictObject({
        title: plainText(groupLimits.title).min(1).optional(),
        avatar: avatar.optional(),
        announcement: announcement.optional(),
        slow_mode_s: z.int().min(0).max(groupLimits.slowModeS).optional(),
        muted_until: until.optional(),
        join: joinMode.optional(),
      })
      .refine(something, "nothing to change")
      .meta({ id: "GroupChange" }),
    statuses: [200, 202],
    response: groupView,
    errors: [...governing, "FILE_NOT_FOUND", "FILE_TYPE_REFUSED"],
    handler: async (api, { claims, params, body, requestId }) => {
      const { slow_mode_s: slowModeS, muted_until: mutedUntil, ...rest } = body;
      const outcome = await api.governance.update(claims.userId, params.id, { ...rest, slowModeS, mutedUntil }, requestId);
      return { status: statusOf(outcome), data: await showGroup(api, claims.userId, params.id) };
    },
  }),
  route({
    id: "updateMember",
    method: "patch",
    path: "/v1/groups/{id}/members/{user}",
    tag,
    summary: "Make a member an admin or no longer (the owner may), or mute one (admins too). 202 when it takes effect a little later",
    who: "The group's owner; admins may mute those below them. Other members get `FORBIDDEN`, anybody else `NOT_A_MEMBER`, whether there is such a group or not.",
    bounds: "At most 50 admins of a supergroup",
    params: memberParameters,
    body: z
      .strictObject({ role: z.enum(["admin", "member"]).optional(), muted_until: until.optional() })
      .refine(something, "nothing to change")
      .meta({ id: "MemberChange" }),
    statuses: [200, 202],
    response: changeView,
    errors: [...governing, "ADMINS_FULL"],
    handler: async ({ governance }, { claims, params, body, requestId }) => {
      const change = { role: body.role, mutedUntil: body.muted_until };
      const state = await governance.updateMember(claims.userId, params.id, params.user, change, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "transferGroup",
    method: "post",
    path: "/v1/groups/{id}/transfer",
    tag,
    summary: "Make another member the owner; the owner may, and stays as an admin. 202 when it takes effect a little later",
    who: who.owner,
    params: groupParameter,
    body: z.strictObject({ user_id: userId }).meta({ id: "TransferRequest" }),
    statuses: [200, 202],
    response: changeView,
    errors: governing,
    handler: async ({ governance }, { claims, params, body, requestId }) => {
      const state = await governance.transfer(claims.userId, params.id, body.user_id, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "dissolveGroup",
    method: "delete",
    path: "/v1/groups/{id}",
    tag,
    summary: "End a group; the owner may. It stays readable, and nobody sends any more. 202 when it takes effect a little later",
    who: who.owner,
    params: groupParameter,
    statuses: [200, 202],
    response: changeView,
    errors: governing,
    handler: async ({ governance }, { claims, params, requestId }) => {
      const state = await governance.dissolve(claims.userId, params.id, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "ban",
    method: "put",
    path: "/v1/groups/{id}/bans/{user}",
    tag,
    summary: "Keep a user out, removing who is in; the owner and admins may. 202 when it takes effect a little later",
    who: "The group's owner and admins, those below them; other members get `FORBIDDEN`, anybody else `NOT_A_MEMBER`, whether there is such a group or not.",
    params: memberParameters,
    statuses: [200, 202],
    response: changeView,
    errors: [...governing, "PEER_NOT_FOUND"],
    handler: async ({ governance }, { claims, params, requestId }) => {
      const state = await governance.ban(claims.userId, params.id, params.user, true, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "unban",
    method: "delete",
    path: "/v1/groups/{id}/bans/{user}",
    tag,
    summary: "Let a user be brought in again; the owner and admins may. 202 when it takes effect a little later",
    who: who.leaders,
    params: memberParameters,
    statuses: [200, 202],
    response: changeView,
    errors: [...governing, "PEER_NOT_FOUND"],
    handler: async ({ governance }, { claims, params, requestId }) => {
      const state = await governance.ban(claims.userId, params.id, params.user, false, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "listBans",
    method: "get",
    path: "/v1/groups/{id}/bans",
    tag,
    summary: "Whom a group keeps out; the owner and admins may see it",
    who: who.leaders,
    params: groupParameter,
    query: pageQuery,
    response: pageOf(
      z.object({ user_id: z.string(), banned_by: z.string(), banned_at: time("When the user was banned") }).meta({ id: "Ban" }),
    ),
    errors: ["NOT_A_MEMBER", "FORBIDDEN", "GROUP_DISSOLVED"],
    handler: async ({ access, store }, { claims, params, query }) => {
      await access.governed(claims.userId, params.id, "listBans");
      const list = `bans ${params.id}`;
      const after = query.cursor === undefined ? "" : readCursor(list, claims.userId, z.string().max(64), query.cursor);
      const limit = query.limit ?? DEFAULT_LIMIT;
      const rows = await store.groups.bans(params.id, after, limit + 1);
      const shown = rows.slice(0, limit);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      return {
        data: {
          items: shown.map((row) => ({ user_id: row.userId, banned_by: row.bannedBy, banned_at: row.bannedAt })),
          next_cursor: last ? makeCursor(list, claims.userId, last.userId) : null,
        },
      };
    },
  }),
];
