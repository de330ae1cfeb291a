import { type Accounts, BIO_MAX, type Profiles, type Relations } from "@dunlin/domain";
import type { UserRow } from "@dunlin/engines/store";
import type { sys } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const NICKNAME_MAX = 64;
const USERS_MAX = 500;

const toUser = ({ id, account, nickname, avatar, createdAt, bio = "", deactivatedAt = 0 }: UserRow): sys.User => ({
  id,
  account,
  nickname,
  avatar,
  createdAt,
  bio,
  deactivatedAt,
});

export const userService = (
  { store }: Pick<SysContext, "store">,
  accounts: Accounts,
  profiles: Profiles,
  relations: Relations,
  requireUser: (userId: string) => Promise<void>,
): Handlers<typeof sys.UserServiceService> => ({
  createUser: async (request) => {
    const account = field.ruled("account", request.account, "account").toLowerCase();
    const password = field.password("password", request.password);
    const nickname = request.nickname === "" ? account : field.text("nickname", request.nickname, 1, NICKNAME_MAX);
    return toUser(await accounts.create(account, password, nickname));
  },
  getUser: async (request) => {
    const found =
      request.userId === ""
        ? await store.users.byAccount(field.ruled("account", request.account, "account").toLowerCase())
        : (await store.users.get([field.userId("user_id", request.userId)]))[0];
    if (!found) throw new AppError("NOT_FOUND", "no such user");
    return toUser(found);
  },
  getUsers: async (request) => {
    const ids = field.list("user_ids", request.userIds, 1, USERS_MAX, field.userId);
    return { users: (await store.users.get(ids)).map(toUser) };
  },
  updateUser: async (request, caller) => {
    const id = field.userId("user_id", request.userId);
    const profile = {
      ...(request.nickname !== undefined && { nickname: field.text("nickname", request.nickname, 1, NICKNAME_MAX) }),
      ...(request.avatar !== undefined && { avatar: field.avatar("avatar", request.avatar) }),
      ...(request.bio !== undefined && { bio: field.text("bio", request.bio, 0, BIO_MAX) }),
    };
    await requireUser(id);
    return toUser((await profiles.update(id, profile, caller.requestId)).user);
  },
  listUsers: async (request) => {
    const after = field.after("after_user_id", request.afterUserId);
    const limit = field.integer("limit", request.limit, 1, USERS_MAX);
    // One more than asked for tells whether there are more.
    const rows = await store.users.list(after, limit + 1);
    return { users: rows.slice(0, limit).map(toUser), hasMore: rows.length > limit };
  },
  setUserActive: async (request) => toUser(await accounts.setActive(field.userId("user_id", request.userId), request.active)),
  getPrivacy: async (request) => {
    const id = field.userId("user_id", request.userId);
    await requireUser(id);
    return relations.privacy(id);
  },
  setPrivacy: async (request, caller) => {
    const privacy = {
      userId: field.userId("user_id", request.userId),
      messages: field.oneOf("messages", request.messages, ["everyone", "contacts"]),
      groups: field.oneOf("groups", request.groups, ["everyone", "contacts"]),
      lastSeen: field.oneOf("last_seen", request.lastSeen, ["everyone", "contacts", "nobody"]),
      findByAccount: request.findByAccount,
    };
    await requireUser(privacy.userId);
    return { applied: (await profiles.setPrivacy(privacy, caller.requestId)) === "applied" };
  },
});
