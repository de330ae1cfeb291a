import type { IngestTransaction, Scheduled, ScheduledRow, ScheduledState } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { retryAborted } from "./errors.js";
import { distinctKeys } from "./keys.js";
import { nullableText, numberOf, textOf } from "./rows.js";
import { type Insertion, type Row, type Selection, type Session, type SqlValue, withSession } from "./session.js";

const columns = [
  "user_id",
  "id",
  "client_msg_id",
  "body",
  "body_hash",
  "send_at",
  "state",
  "version",
  "created_at",
  "updated_at",
  "message_id",
  "code",
] as const;
const key = ["user_id", "id"] as const;
const selection: Selection = { table: "scheduled_messages", columns, key };

/** An open one is due at its time; what was claimed of an earlier version counts no more. */
export const insertScheduled: Insertion = {
  table: "scheduled_messages",
  columns: [...columns, "due_at", "settled_at", "attempts"],
  key,
  existing: {
    body: "set",
    send_at: "set",
    state: "set",
    version: "set",
    updated_at: "set",
    message_id: "set",
    code: "set",
    due_at: "set",
    settled_at: "set",
    attempts: "set",
  },
};

export const scheduledValues = (s: ScheduledRow): SqlValue[] => [
  s.userId,
  s.id,
  s.clientMsgId,
  s.body,
  s.bodyHash,
  s.sendAt,
  s.state,
  s.version,
  s.createdAt,
  s.updatedAt,
  s.messageId,
  s.code,
  s.state === "open" ? s.sendAt : null,
  s.state === "open" ? null : s.updatedAt,
  0,
];

const scheduledOf = (row: Row): ScheduledRow => ({
  userId: textOf(row.user_id),
  id: textOf(row.id),
  clientMsgId: textOf(row.client_msg_id),
  body: textOf(row.body),
  bodyHash: textOf(row.body_hash),
  sendAt: numberOf(row.send_at),
  state: textOf(row.state) as ScheduledState,
  version: numberOf(row.version),
  createdAt: numberOf(row.created_at),
  updatedAt: numberOf(row.updated_at),
  messageId: nullableText(row.message_id),
  code: numberOf(row.code),
});

export const scheduledReads = (session: Session): Pick<IngestTransaction, "scheduled" | "openScheduled"> => ({
  async scheduled(keys) {
    const distinct = distinctKeys(keys.map(({ userId, id }) => [userId, id]));
    return (await session.select(selection, distinct)).map(scheduledOf);
  },

  async openScheduled(userId) {
    const { rows } = await session.run("select count(*) as many from scheduled_messages where user_id = ? and state = 'open'", [userId]);
    return numberOf(rows[0]?.many ?? 0);
  },
});

export const createScheduled = ({ dialect, reads, readDb, writeDb }: SqlContext): Scheduled => ({
  async get({ userId, id }) {
    const [row] = await withSession(reads, (session) => session.select(selection, [[userId, id]]));
    return row && scheduledOf(row);
  },

  async list(userId, after, limit) {
    let query = readDb
      .selectFrom("scheduled_messages")
      .select(columns)
      .where("user_id", "=", userId)
      .where("state", "in", ["open", "failed"]);
    if (after) {
      query = query.where((where) =>
        where.or([where("send_at", ">", after.sendAt), where.and([where("send_at", "=", after.sendAt), where("id", ">", after.id)])]),
      );
    }
    const rows = await query.orderBy("send_at").orderBy("id").limit(limit).execute();
    return rows.map(scheduledOf);
  },

  async nextDue() {
    const row = await readDb
      .selectFrom("scheduled_messages")
      .select("due_at")
      .where("due_at", "is not", null)
      .orderBy("due_at")
      .limit(1)
      .executeTakeFirst();
    return row && numberOf(row.due_at);
  },

  claim(now, limit, pauseMs) {
    return retryAborted(() =>
      writeDb.transaction().execute(async (tx) => {
        const due = await tx
          .selectFrom("scheduled_messages")
          .select([...columns, "attempts"])
          .where("due_at", "<=", now)
          .orderBy("due_at")
          .limit(limit)
          .$if(dialect.rowLocks, (query) => query.forUpdate())
          .execute();
        const claimed = due.map((row) => ({ ...scheduledOf(row), attempts: numberOf(row.attempts) }));
        const byAttempts = new Map<number, [string, string][]>();
        for (const { attempts, userId, id } of claimed) {
          byAttempts.set(attempts, [...(byAttempts.get(attempts) ?? []), [userId, id]]);
        }
        // A queue that was away leaves many with the same number of attempts: few statements for many rows.
        for (const [attempts, keys] of byAttempts) {
          await tx
            .updateTable("scheduled_messages")
            .set({ due_at: now + pauseMs(attempts), attempts: attempts + 1 })
            .where(({ eb, refTuple, tuple }) =>
              eb(
                refTuple("user_id", "id"),
                "in",
                keys.map(([userId, id]) => tuple(userId, id)),
              ),
            )
            .execute();
        }
        return claimed;
      }),
    );
  },

  async removeSettled(before, limit) {
    const settled = await readDb
      .selectFrom("scheduled_messages")
      .select(["user_id", "id"])
      .where("settled_at", "<", before)
      .orderBy("settled_at")
      .limit(limit)
      .execute();
    let removed = 0;
    for (const { user_id, id } of settled) {
      const { numDeletedRows } = await writeDb
        .deleteFrom("scheduled_messages")
        .where("user_id", "=", user_id)
        .where("id", "=", id)
        .where("settled_at", "<", before)
        .executeTakeFirstOrThrow();
      removed += Number(numDeletedRows);
    }
    return removed;
  },
});
