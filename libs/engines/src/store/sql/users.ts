import { AppError } from "@dunlin/runtime";
import { sql } from "kysely";
import type { UserRow, Users } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { retryAborted, UniqueViolation } from "./errors.js";
import { distinctKeys } from "./keys.js";
import { userColumns, userOf } from "./rows.js";
import { withSession } from "./session.js";

export const createUsers = ({ reads, readDb, writeDb }: SqlContext): Users => ({
  async create(user: UserRow, email?: string) {
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
              deactivated_at: 0,
            })
            .execute();
          if (email !== undefined) await tx.insertInto("user_emails").values({ email, user_id: user.id }).execute();
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

  async byEmail(email) {
    const row = await readDb
      .selectFrom("user_emails as e")
      .innerJoin("users as u", "u.id", "e.user_id")
      .select(userColumns.map((column) => `u.${column}` as const))
      .where("e.email", "=", email)
      .executeTakeFirst();
    return row && userOf(row);
  },

  async setPassword(id, passwordHash) {
    const { numUpdatedRows } = await retryAborted(() =>
      writeDb.updateTable("users").set({ password_hash: passwordHash }).where("id", "=", id).executeTakeFirstOrThrow(),
    );
    if (numUpdatedRows === 0n) throw new AppError("NOT_FOUND");
  },

  async list(after, limit) {
    const rows = await readDb.selectFrom("users").select(userColumns).where("id", ">", after).orderBy("id").limit(limit).execute();
    return rows.map(userOf);
  },

  async deactivate(id, at) {
    const kept = at === undefined ? 0 : sql<number>`case when deactivated_at = 0 then ${at} else deactivated_at end`;
    const { numUpdatedRows } = await retryAborted(() =>
      writeDb.updateTable("users").set({ deactivated_at: kept }).where("id", "=", id).executeTakeFirstOrThrow(),
    );
    if (numUpdatedRows === 0n) throw new AppError("NOT_FOUND");
  },
});
