import type { Accounts, Profiles } from "@dunlin/domain";
import type { UserRow } from "@dunlin/engines/store";
import type { sys } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const NICKNAME_MAX = 64;
const AVATAR_MAX = 512;
const USERS_MAX = 500;

const toUser = ({ id, account, nickname, avatar, createdAt }: UserRow): sys.User => ({ id, account, nickname, avatar, createdAt });

export const userService = (
  { store }: Pick<SysContext, "store">,
  accounts: Accounts,
  profiles: Profiles,
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
      ...(request.avatar !== undefined && { avatar: field.text("avatar", request.avatar, 0, AVATAR_MAX) }),
    };
    return toUser((await profiles.update(id, profile, caller.requestId)).user);
  },
});
