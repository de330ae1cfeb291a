import { AVATAR, AVATAR_MAX, AVATAR_SAYS, BIO_MAX } from "@dunlin/domain";
import type { UserRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import { route } from "../http/route.js";
import { plainText, userId, userView } from "./schemas.js";
import { who } from "./who.js";

export const showUser = (row: UserRow): z.input<typeof userView> => ({
  id: row.id,
  account: row.account,
  nickname: row.nickname,
  avatar: row.avatar,
  bio: row.bio ?? "",
  created_at: row.createdAt,
});

export const avatar = z.string().max(AVATAR_MAX).regex(AVATAR, AVATAR_SAYS);

const found = (row: UserRow | undefined): UserRow => {
  if (!row) throw new AppError("NOT_FOUND");
  return row;
};

const tag = "Users";

export const userRoutes = [
  route({
    id: "getMe",
    method: "get",
    path: "/v1/users/me",
    tag,
    summary: "Oneself",
    who: who.self,
    response: userView,
    errors: ["NOT_FOUND"],
    handler: async ({ store }, { claims }) => ({ data: showUser(found((await store.users.get([claims.userId]))[0])) }),
  }),
  route({
    id: "updateMe",
    method: "patch",
    path: "/v1/users/me",
    tag,
    summary: "Change one's profile. One's devices and contacts learn it by a PROFILE update. 202 when it takes effect a little later",
    who: who.self,
    limit: "profile",
    body: z
      .strictObject({ nickname: plainText(64).min(1).optional(), avatar: avatar.optional(), bio: plainText(BIO_MAX).optional() })
      .refine((profile) => Object.keys(profile).length > 0, "nothing to change")
      .meta({ id: "ProfileChange" }),
    statuses: [200, 202],
    response: userView,
    errors: ["NOT_FOUND", "FILE_NOT_FOUND", "FILE_TYPE_REFUSED", "QUEUE_FULL"],
    handler: async ({ profiles }, { claims, body, requestId }) => {
      const { user, outcome } = await profiles.update(claims.userId, body, requestId);
      return { status: outcome === "applied" ? 200 : 202, data: showUser(user) };
    },
  }),
  route({
    id: "findUser",
    method: "get",
    path: "/v1/users",
    tag,
    summary: "A user by account name; one who is not to be found by it answers as if there were none",
    who: "Every user; who is hidden from the caller is `NOT_FOUND` as one that does not exist.",
    limit: "lookup",
    query: z.strictObject({ account: z.string().min(1).max(64) }),
    response: userView,
    errors: ["NOT_FOUND"],
    handler: async ({ profiles }, { claims, query }) => ({
      data: showUser(found(await profiles.find(claims.userId, query.account.toLowerCase()))),
    }),
  }),
  route({
    id: "getUser",
    method: "get",
    path: "/v1/users/{id}",
    tag,
    summary: "A user; without its account name when it is not to be found by that",
    who: "Every user.",
    limit: "lookup",
    params: z.strictObject({ id: userId }),
    response: userView,
    errors: ["NOT_FOUND"],
    handler: async ({ profiles }, { claims, params }) => ({ data: showUser(await profiles.show(claims.userId, params.id)) }),
  }),
];
