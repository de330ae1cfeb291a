import { AppError } from "@dunlin/runtime";
import type { UserRow, Users } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { retryAborted, UniqueViolation } from "./errors.js";
import { distinctKeys } from "./keys.js";
import { userColumns, userOf } from "./rows.js";
import { withSession } from "./session.js";

export const createUsers = ({ reads, readDb, writeDb }: SqlContext): Users => ({
  async create(user: UserRow) {
    try {
      await retryAborted(() =>
        writeDb.transaction().execute(async (tx) => {
          await tx
            .insertInto("users")
            .values({
              id: user.id,
              account: user.account,
              password_hash: user.passwordHash,
              nickname: user.nickname,
              avatar: user.avatar,
              created_at: user.createdAt,
            })
            .execute();
          await tx.insertInto("mailboxes").values({ user_id: user.id, pts: 0, min_pts: 0 }).execute();
        }),
      );
    } catch (error) {
      if (error instanceof UniqueViolation && error.constraint.includes("account")) {
        throw new AppError("ACCOUNT_TAKEN", undefined, { cause: error });
      }
      throw error;
    }
  },

  async get(ids) {
    const keys = distinctKeys(ids.map((id) => [id]));
    const rows = await withSession(reads, (session) => session.select({ table: "users", columns: userColumns, key: ["id"] }, keys));
    return rows.map(userOf);
  },

  async byAccount(account) {
    const row = await readDb.selectFrom("users").select(userColumns).where("account", "=", account).executeTakeFirst();
    return row && userOf(row);
  },
});
