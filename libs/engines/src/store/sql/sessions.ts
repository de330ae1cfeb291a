import { sql, type Transaction } from "kysely";
import type { SessionRow, Sessions } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { retryAborted } from "./errors.js";
import { numberOf, sessionOf, textOf } from "./rows.js";
import type { Tables } from "./schema.js";

export const createSessions = ({ dialect, readDb, writeDb }: SqlContext): Sessions => {
  /** Serialises the session changes of one user. */
  const lockUser = (tx: Transaction<Tables>, userId: string): Promise<unknown> =>
    tx
      .selectFrom("users")
      .select("id")
      .where("id", "=", userId)
      .$if(dialect.rowLocks, (query) => query.forUpdate())
      .execute();

  /** Revokes and brings the expiry forward, so that `removeEnded` needs no second index. */
  const revokeIds = async (tx: Transaction<Tables>, ids: readonly string[], at: number): Promise<void> => {
    if (ids.length === 0) return;
    await tx
      .updateTable("sessions")
      .set({ revoked_at: at, expires_at: sql<number>`case when expires_at < ${at} then expires_at else ${at} end` })
      .where("id", "in", ids)
      .execute();
  };

  return {
    open: (session: SessionRow) =>
      retryAborted(() =>
        writeDb.transaction().execute(async (tx) => {
          await lockUser(tx, session.userId);
          const earlier = await tx
            .selectFrom("sessions")
            .select(["id", "expires_at"])
            .where("user_id", "=", session.userId)
            .where("device_id", "=", session.deviceId)
            .where("revoked_at", "is", null)
            .execute();
          await revokeIds(
            tx,
            earlier.map((row) => textOf(row.id)),
            session.createdAt,
          );
          await tx
            .insertInto("sessions")
            .values({
              id: session.id,
              user_id: session.userId,
              device_id: session.deviceId,
              platform: session.platform,
              refresh_hash: session.refreshHash,
              created_at: session.createdAt,
              last_used_at: session.lastUsedAt,
              expires_at: session.expiresAt,
              revoked_at: session.revokedAt,
            })
            .execute();
          return earlier.filter((row) => numberOf(row.expires_at) > session.createdAt).map((row) => textOf(row.id));
        }),
      ),

    async get(id) {
      const row = await readDb.selectFrom("sessions").selectAll().where("id", "=", id).executeTakeFirst();
      return row && sessionOf(row);
    },

    async list(userId, now) {
      const rows = await readDb
        .selectFrom("sessions")
        .selectAll()
        .where("user_id", "=", userId)
        .where("revoked_at", "is", null)
        .where("expires_at", ">", now)
        .orderBy("last_used_at", "desc")
        .orderBy("id")
        .execute();
      return rows.map(sessionOf);
    },

    async rotate(id, { from, to, usedAt, expiresAt, graceMs }) {
      const { numUpdatedRows } = await writeDb
        .updateTable("sessions")
        // MySQL assigns from left to right: the hash is replaced after it was looked at. A repeat leaves what it repeats:
        // the token that was handed out in vain is not the previous one, and its time does not begin again.
        .set({
          previous_hash: sql<string>`case when refresh_hash = ${from} then ${from} else previous_hash end`,
          replaced_at: sql<number>`case when refresh_hash = ${from} then ${usedAt} else replaced_at end`,
          refresh_hash: to,
          last_used_at: usedAt,
          expires_at: expiresAt,
        })
        .where("id", "=", id)
        .where(({ or, and, eb }) =>
          or([eb("refresh_hash", "=", from), and([eb("previous_hash", "=", from), eb("replaced_at", ">", usedAt - graceMs)])]),
        )
        .where("revoked_at", "is", null)
        .where("expires_at", ">", usedAt)
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    async revoke(userId, ids, at) {
      if (ids?.length === 0) return [];
      return retryAborted(() =>
        writeDb.transaction().execute(async (tx) => {
          await lockUser(tx, userId);
          const rows = await tx
            .selectFrom("sessions")
            .select("id")
            .where("user_id", "=", userId)
            .where("revoked_at", "is", null)
            .where("expires_at", ">", at)
            .$if(ids !== undefined, (query) => query.where("id", "in", ids ?? []))
            .orderBy("id")
            .execute();
          const active = rows.map((row) => textOf(row.id));
          await revokeIds(tx, active, at);
          return active;
        }),
      );
    },

    async removeEnded(before, limit) {
      const ended = await readDb
        .selectFrom("sessions")
        .select("id")
        .where("expires_at", "<", before)
        .orderBy("expires_at")
        .limit(limit)
        .execute();
      if (ended.length === 0) return 0;
      const { numDeletedRows } = await writeDb
        .deleteFrom("sessions")
        .where(
          "id",
          "in",
          ended.map((row) => row.id),
        )
        .where("expires_at", "<", before)
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
};
