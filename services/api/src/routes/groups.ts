import { isSupergroupId } from "@dunlin/domain";
import { defaultGroupSettings, type MemberRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import type { Api } from "../api.js";
import { makeCursor, readCursor } from "../cursor.js";
import { route } from "../http/route.js";
import { anyGroupId, changeView, cursorParameter, groupView, memberView, pageOf, plainText, queryInteger, userId } from "./schemas.js";
import { who } from "./who.js";

const MEMBERS_MAX = 200;
const DEFAULT_LIMIT = 100;
export const groupParameter = z.strictObject({ id: anyGroupId });

export const showGroup = async ({ store, access }: Api, caller: string, id: string): Promise<z.input<typeof groupView>> => {
  const supergroup = isSupergroupId(id);
  const group = supergroup ? undefined : await access.group(caller, id);
  if (supergroup) await access.membership(caller, id);
  const settings = group?.settings ?? (await store.groups.settings([id]))[0] ?? defaultGroupSettings(id);
  const [row] = await store.conversations.get([id]);
  if (!row) throw new AppError("NOT_A_MEMBER");
  return {
    id: row.id,
    kind: supergroup ? "supergroup" : "group",
    title: row.title,
    avatar: row.avatar,
    owner_id: row.ownerId,
    member_count: row.supergroup?.memberCount ?? group?.members.size ?? 0,
    announcement: settings.announcement,
    slow_mode_s: settings.slowModeS,
    muted_until: settings.mutedUntil,
    join: settings.join,
    dissolved_at: settings.dissolvedAt,
    created_at: row.createdAt,
  };
};

const showMember = (m: MemberRow): z.input<typeof memberView> => ({
  user_id: m.userId,
  role: m.role,
  joined_at: m.joinedAt,
  muted_until: m.mutedUntil,
});

export const statusOf = (outcome: "applied" | "accepted"): number => (outcome === "applied" ? 200 : 202);

export const tag = "Groups";

export const groupRoutes = [
  route({
    id: "createGroup",
    method: "post",
    path: "/v1/groups",
    tag,
    summary: "Create a group with the caller as owner; 202 when it takes effect a little later",
    who: "Every user; whom a block or privacy keeps from being brought in is refused with `ADD_REFUSED`.",
    bounds: "At most `IM_GROUP_MEMBERS_MAX` members of a group",
    body: z
      .strictObject({
        kind: z.enum(["group", "supergroup"]),
        title: plainText(128).min(1),
        members: z.array(userId).max(MEMBERS_MAX).optional().meta({ description: "User ids besides the caller" }),
      })
      .meta({ id: "CreateGroupRequest" }),
    statuses: [201, 202],
    response: groupView,
    errors: ["PEER_NOT_FOUND", "ADD_REFUSED", "GROUP_FULL", "QUEUE_FULL"],
    handler: async (api, { claims, body, requestId }) => {
      const { kind, title, members = [] } = body;
      const { id, outcome } =
        kind === "supergroup"
          ? await api.supergroups.create(claims.userId, title, members, requestId)
          : await api.groups.create(claims.userId, title, members, requestId).then(({ groupId, outcome }) => ({ id: groupId, outcome }));
      if (outcome === "applied") return { data: await showGroup(api, claims.userId, id) };
      const member_count = new Set([claims.userId, ...members]).size;
      const created_at = api.ctx.clock.now();
      return {
        status: 202,
        data: {
          id,
          kind,
          title,
          avatar: "",
          owner_id: claims.userId,
          member_count,
          announcement: "",
          slow_mode_s: 0,
          muted_until: 0,
          join: kind === "supergroup" ? ("open" as const) : ("invite" as const),
          dissolved_at: 0,
          created_at,
        },
      };
    },
  }),
  route({
    id: "getGroup",
    method: "get",
    path: "/v1/groups/{id}",
    tag,
    summary: "A group one is a member of",
    who: who.members,
    params: groupParameter,
    response: groupView,
    errors: ["NOT_A_MEMBER", "GROUP_UPGRADED"],
    handler: async (api, { claims, params }) => ({ data: await showGroup(api, claims.userId, params.id) }),
  }),
  route({
    id: "listMembers",
    method: "get",
    path: "/v1/groups/{id}/members",
    tag,
    summary: "A group's members, the first to join first; a supergroup's by user id",
    who: who.members,
    params: groupParameter,
    query: z.strictObject({ cursor: cursorParameter.optional(), limit: queryInteger(1, MEMBERS_MAX).optional() }),
    response: pageOf(memberView),
    errors: ["NOT_A_MEMBER", "GROUP_UPGRADED"],
    handler: async ({ access, supergroups }, { claims, params, query }) => {
      const list = `members ${params.id}`;
      if (isSupergroupId(params.id)) {
        const after = query.cursor === undefined ? "" : readCursor(list, claims.userId, z.string().max(64), query.cursor);
        const limit = query.limit ?? DEFAULT_LIMIT;
        // One more than asked for tells whether there are more.
        const members = await supergroups.members(claims.userId, params.id, after, limit + 1);
        const shown = members.slice(0, limit);
        const last = members.length > limit ? shown.at(-1) : undefined;
        return { data: { items: shown.map(showMember), next_cursor: last ? makeCursor(list, claims.userId, last.userId) : null } };
      }
      const place = z.tuple([z.int().min(0), z.string().max(64)]);
      const [at, after] = query.cursor === undefined ? [-1, ""] : readCursor(list, claims.userId, place, query.cursor);
      const limit = query.limit ?? DEFAULT_LIMIT;
      const members = await access.members(claims.userId, params.id);
      const rest = members.filter((m) => m.joinedAt > at || (m.joinedAt === at && m.userId > after));
      const shown = rest.slice(0, limit);
      const last = rest.length > limit ? shown.at(-1) : undefined;
      return {
        data: {
          items: shown.map(showMember),
          next_cursor: last ? makeCursor(list, claims.userId, [last.joinedAt, last.userId]) : null,
        },
      };
    },
  }),
  route({
    id: "addMembers",
    method: "post",
    path: "/v1/groups/{id}/members",
    tag,
    summary:
      "Bring users in; any member may, where joining needs approval only the owner and admins. 202 when it takes effect a little later",
    who: "The group's members; where joining needs approval its owner and admins. To anybody else `NOT_A_MEMBER`, whether there is such a group or not. Whom a block or privacy keeps from being brought in is refused with `ADD_REFUSED`, who is banned with `BANNED`.",
    bounds: "At most `IM_GROUP_MEMBERS_MAX` members of a group, `IM_SUPERGROUP_MEMBERS_MAX` of a supergroup",
    params: groupParameter,
    body: z.strictObject({ user_ids: z.array(userId).min(1).max(MEMBERS_MAX) }).meta({ id: "AddMembersRequest" }),
    statuses: [200, 202],
    response: changeView,
    errors: [
      "NOT_FOUND",
      "NOT_A_MEMBER",
      "GROUP_DISSOLVED",
      "GROUP_UPGRADED",
      "FORBIDDEN",
      "PEER_NOT_FOUND",
      "ADD_REFUSED",
      "BANNED",
      "GROUP_FULL",
      "QUEUE_FULL",
    ],
    handler: async ({ groups, supergroups }, { claims, params, body, requestId }) => {
      const state = await (isSupergroupId(params.id) ? supergroups : groups).add(claims.userId, params.id, body.user_ids, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "removeMember",
    method: "delete",
    path: "/v1/groups/{id}/members/{user}",
    tag,
    summary: "Remove a member; the owner and admins may. 202 when it takes effect a little later",
    who: "The group's owner and admins, those below them; other members get `FORBIDDEN`, anybody else `NOT_A_MEMBER`, whether there is such a group or not.",
    params: z.strictObject({ id: anyGroupId, user: userId }),
    statuses: [200, 202],
    response: changeView,
    errors: ["NOT_A_MEMBER", "GROUP_DISSOLVED", "NOT_FOUND", "FORBIDDEN", "OWNER_STAYS", "GROUP_UPGRADED", "QUEUE_FULL"],
    handler: async ({ groups, supergroups }, { claims, params, requestId }) => {
      const state = await (isSupergroupId(params.id) ? supergroups : groups).remove(claims.userId, params.id, params.user, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
  route({
    id: "leaveGroup",
    method: "post",
    path: "/v1/groups/{id}/leave",
    tag,
    summary: "Leave a group; its owner hands it over or dissolves it first, unless alone. 202 when it takes effect a little later",
    who: who.members,
    bounds: "An owner who is not alone gets `OWNER_STAYS`",
    params: groupParameter,
    statuses: [200, 202],
    response: changeView,
    errors: ["NOT_A_MEMBER", "NOT_FOUND", "FORBIDDEN", "OWNER_STAYS", "GROUP_UPGRADED", "QUEUE_FULL"],
    handler: async ({ groups, supergroups }, { claims, params, requestId }) => {
      const state = await (isSupergroupId(params.id) ? supergroups : groups).remove(claims.userId, params.id, claims.userId, requestId);
      return { status: statusOf(state), data: { state } };
    },
  }),
];
