import { AppError } from "@dunlin/runtime";
import { sql, type Transaction } from "kysely";
import type { Difference, Updates, UpdateWithMessage } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { retryAborted } from "./errors.js";
import { messageColumns, messageOf, nullableText, numberOf, textOf } from "./rows.js";
import type { Tables } from "./schema.js";
import type { Row } from "./session.js";

/** Mailboxes that one query of `trim` looks at: keeps each query short however many users there are. */
const SCAN = 1000;
/** Mailboxes that one transaction of `trim` holds locked. */
const TRIM_TOGETHER = 50;

/** A joined row carries the message's columns with this prefix. */
const MESSAGE = "m_";

const updateOf = (row: Row): UpdateWithMessage => ({
  userId: textOf(row.user_id),
  pts: numberOf(row.pts),
  type: textOf(row.type),
  conversationId: textOf(row.conversation_id),
  seq: numberOf(row.seq),
  body: nullableText(row.body),
  createdAt: numberOf(row.created_at),
  message:
    row[`${MESSAGE}id`] === null ? null : messageOf(Object.fromEntries(messageColumns.map((name) => [name, row[`${MESSAGE}${name}`]]))),
});

export const createUpdates = ({ dialect, readDb, writeDb }: SqlContext): Updates => {
  // Where the last call of `trim` stopped, so that calls one after another get round to everybody.
  let trimAfter = "";

  interface Trimmable {
    readonly userId: string;
    readonly pts: number;
    readonly minPts: number;
  }

  /** The next mailboxes in key order, and those of them whose log has something to trim. */
  const scan = async (after: string, before: number, keep: number): Promise<{ last: string | undefined; found: Trimmable[] }> => {
    const rows = await readDb
      .selectFrom("mailboxes as b")
      .leftJoin("updates as u", (join) =>
        join.onRef("u.user_id", "=", "b.user_id").on("u.pts", "=", (eb) => eb("b.min_pts", "+", eb.lit(1))),
      )
      .select(["b.user_id", "b.pts", "b.min_pts", "u.created_at as oldest_at"])
      .where("b.user_id", ">", after)
      .orderBy("b.user_id")
      .limit(SCAN)
      .execute();
    const found = rows
      .map((row) => ({ userId: textOf(row.user_id), pts: numberOf(row.pts), minPts: numberOf(row.min_pts), oldestAt: row.oldest_at }))
      .filter((row) => row.pts - row.minPts > keep || (row.oldestAt !== null && numberOf(row.oldestAt) < before));
    return { last: rows.length < SCAN ? undefined : textOf(rows.at(-1)?.user_id), found };
  };

  /** Up to which pts the log may go: what is too old from its end on, and what is beyond `keep`; at most `budget` entries. */
  const trimUpTo = async (tx: Transaction<Tables>, { userId, pts, minPts }: Trimmable, before: number, keep: number, budget: number) => {
    const end = Math.min(pts, minPts + budget);
    const young = await tx
      .selectFrom("updates")
      .select((eb) => eb.fn.min("pts").as("pts"))
      .where("user_id", "=", userId)
      .where("pts", ">", minPts)
      .where("pts", "<=", end)
      .where("created_at", ">=", before)
      .executeTakeFirst();
    const oldUpTo = young?.pts === null || young?.pts === undefined ? end : numberOf(young.pts) - 1;
    return Math.max(oldUpTo, Math.min(pts - keep, end));
  };

  const trimTogether = (users: readonly Trimmable[], before: number, keep: number, limit: number): Promise<number> =>
    retryAborted(() =>
      writeDb.transaction().execute(async (tx) => {
        const locked = await tx
          .selectFrom("mailboxes")
          .select(["user_id", "pts", "min_pts"])
          .where(
            "user_id",
            "in",
            users.map((user) => user.userId),
          )
          .orderBy("user_id")
          .$if(dialect.rowLocks, (query) => query.forUpdate())
          .execute();
        let removed = 0;
        for (const row of locked) {
          if (removed >= limit) break;
          const mailbox = { userId: textOf(row.user_id), pts: numberOf(row.pts), minPts: numberOf(row.min_pts) };
          const upTo = await trimUpTo(tx, mailbox, before, keep, limit - removed);
          if (upTo <= mailbox.minPts) continue;
          await tx.updateTable("mailboxes").set({ min_pts: upTo }).where("user_id", "=", mailbox.userId).execute();
          await tx.deleteFrom("updates").where("user_id", "=", mailbox.userId).where("pts", "<=", upTo).execute();
          removed += upTo - mailbox.minPts;
        }
        return removed;
      }),
    );

  return {
    async difference(userId, pts, limit) {
      // One statement is one snapshot: the newest pts and the rows always fit together.
      const rows = await readDb
        .selectFrom("mailboxes as b")
        .leftJoin("updates as u", (join) => join.onRef("u.user_id", "=", "b.user_id").on("u.pts", ">", pts))
        .leftJoin("messages as m", (join) =>
          join
            .onRef("m.conversation_id", "=", "u.conversation_id")
            .onRef("m.seq", "=", "u.seq")
            .on("u.seq", ">", 0)
            .on("u.body", "is", null),
        )
        .select(["b.pts as newest", "b.min_pts", "u.user_id", "u.pts", "u.type", "u.conversation_id", "u.seq", "u.body", "u.created_at"])
        .select(messageColumns.map((name) => sql.ref(`m.${name}`).as(`${MESSAGE}${name}`)))
        .where("b.user_id", "=", userId)
        .orderBy("u.pts")
        .limit(Math.max(limit, 1))
        .execute();
      const [first] = rows;
      if (!first) throw new AppError("NOT_FOUND");
      const newest = numberOf(first.newest);
      const answer = { updates: [], pts: newest, hasMore: false, tooLong: false } satisfies Difference;
      if (pts < numberOf(first.min_pts) || pts > newest) return { ...answer, tooLong: true };
      const updates = limit === 0 ? [] : rows.filter((row) => row.pts !== null).map(updateOf);
      return { ...answer, updates, hasMore: (updates.at(-1)?.pts ?? pts) < newest };
    },

    async trim(before, keep, limit) {
      const start = trimAfter;
      let after: string | undefined = start;
      let wrapped = false;
      let removed = 0;
      for (;;) {
        const page = await scan(after, before, keep);
        for (let i = 0; i < page.found.length && removed < limit; i += TRIM_TOGETHER) {
          removed += await trimTogether(page.found.slice(i, i + TRIM_TOGETHER), before, keep, limit - removed);
        }
        if (removed >= limit) {
          // What this page still holds is looked at again by the next call.
          trimAfter = after;
          return removed;
        }
        if (page.last !== undefined) after = page.last;
        else if (wrapped || start === "") break;
        else {
          wrapped = true;
          after = "";
        }
        if (wrapped && after > start) break;
      }
      trimAfter = "";
      return removed;
    },
  };
};
