import { sql } from "kysely";
import type { DialogCursor, DialogRow, Dialogs } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys } from "./keys.js";
import { Origins } from "./origins.js";
import { pairOf } from "./pairs.js";
import { dialogColumns, dialogOf, numberOf, textOf } from "./rows.js";
import { type Row, type Selection, withSession } from "./session.js";

export const dialogSelection: Selection = { table: "dialogs", columns: dialogColumns, key: ["user_id", "peer"] };

/** Columns that are worked out for a supergroup's members. */
const live: ReadonlySet<string> = new Set(["top_seq", "unread", "updated_at"]);

export const createDialogs = ({ reads, readDb }: SqlContext): Dialogs => {
  const origins = new Origins(reads);

  /**
   * A user's dialogs with the columns of the table. A supergroup's row holds what the user did; how far it reaches, when it
   * was active last and what is unread comes from the conversation while the user is a member.
   */
  const dialogsOf = (userId: string) =>
    readDb
      .selectFrom("dialogs as d")
      .leftJoin("members as m", (join) =>
        join.on("d.kind", "=", "supergroup").onRef("m.conversation_id", "=", "d.peer").onRef("m.user_id", "=", "d.user_id"),
      )
      .leftJoin("conversations as c", "c.id", "m.conversation_id")
      .selectAll("d")
      .select([
        sql<number>`case when c.id is null then d.top_seq else c.top_seq end`.as("live_top_seq"),
        sql<number>`case when c.id is null then d.unread when c.message_count > d.read_count then c.message_count - d.read_count else 0 end`.as(
          "live_unread",
        ),
        sql<number>`case when c.active_at > d.updated_at then c.active_at else d.updated_at end`.as("live_updated_at"),
      ])
      .where("d.user_id", "=", userId);

  /** The same under the names of the table. */
  const listing = (userId: string) =>
    readDb
      .selectFrom(dialogsOf(userId).as("l"))
      .select(dialogColumns.map((name) => (live.has(name) ? sql.ref(`l.live_${name}`).as(name) : sql.ref(`l.${name}`).as(name))));

  const get = async (userId: string, peer: string): Promise<DialogRow | undefined> => {
    if (peer.startsWith("C")) {
      const row = await listing(userId).where("peer", "=", peer).executeTakeFirst();
      return row && dialogOf(row as Row);
    }
    const rows = await withSession(reads, (session) => session.select(dialogSelection, [[userId, peer]]));
    return rows[0] && dialogOf(rows[0]);
  };

  /** The dialogs in which the message at `seq` can be seen: user and peer of each. */
  const places = async (conversationId: string, seq: number): Promise<(readonly [string, string])[]> => {
    const pair = pairOf(conversationId);
    if (pair) return [pair, [pair[1], pair[0]]];
    const rows = await readDb
      .selectFrom("members")
      .select("user_id")
      .where("conversation_id", "=", conversationId)
      // Who joined later has a read position behind it without having read it.
      .where("joined_seq", "<", seq)
      .execute();
    return rows.map((row) => [textOf(row.user_id), conversationId] as const);
  };

  return {
    get,

    async list(userId, cursor: DialogCursor | undefined, limit) {
      let query = listing(userId);
      if (cursor) {
        const { updatedAt, peer } = cursor;
        const pinned = cursor.pinned ? 1 : 0;
        query = query.where((eb) =>
          eb.or([
            eb("pinned", "<", pinned),
            eb.and([eb("pinned", "=", pinned), eb("live_updated_at", "<", updatedAt)]),
            eb.and([eb("pinned", "=", pinned), eb("live_updated_at", "=", updatedAt), eb("peer", ">", peer)]),
          ]),
        );
      }
      const rows = await query.orderBy("pinned", "desc").orderBy("live_updated_at", "desc").orderBy("peer").limit(limit).execute();
      return rows.map((row) => dialogOf(row as Row));
    },

    async readers(conversationId, seq) {
      const keys = distinctKeys(await places(conversationId, seq));
      const [rows, message] = await Promise.all([
        withSession(reads, (session) =>
          session.select({ table: "dialogs", columns: ["user_id", "read_seq"], key: ["user_id", "peer"] }, keys),
        ),
        readDb
          .selectFrom("messages")
          .select("sender_id")
          .where("conversation_id", "=", conversationId)
          .where("seq", "=", seq)
          .executeTakeFirst(),
      ]);
      const sender = message && textOf(message.sender_id);
      return rows
        .map((row) => ({ userId: textOf(row.user_id), readSeq: numberOf(row.read_seq) }))
        .filter((reader) => reader.readSeq >= seq && reader.userId !== sender);
    },

    async recountUnread(userId, peer) {
      const dialog = await get(userId, peer);
      if (!dialog) return 0;
      const origin = (await origins.of([dialog.conversationId])).get(dialog.conversationId);
      const row = await readDb
        .selectFrom("messages as m")
        .leftJoin("members as r", (join) => join.onRef("r.conversation_id", "=", "m.conversation_id").on("r.user_id", "=", userId))
        .select((eb) => eb.fn.countAll().as("unread"))
        .where((eb) =>
          origin === undefined
            ? eb("m.conversation_id", "=", dialog.conversationId)
            : eb.or([
                eb("m.conversation_id", "=", dialog.conversationId),
                eb.and([eb("m.conversation_id", "=", origin.conversationId), eb("m.seq", "<=", origin.seq)]),
              ]),
        )
        .where("m.seq", ">", dialog.readSeq)
        .where("m.sender_id", "<>", userId)
        .where("m.recalled_at", "is", null)
        .where(({ not, exists, selectFrom, lit }) =>
          not(
            exists(
              selectFrom("hidden_messages as h")
                .select(lit(1).as("one"))
                .where("h.user_id", "=", userId)
                .whereRef("h.conversation_id", "=", "m.conversation_id")
                .whereRef("h.seq", "=", "m.seq"),
            ),
          ),
        )
        // What was said before the user joined is not the user's to read.
        .where((eb) => eb.or([eb("r.joined_seq", "is", null), eb("m.seq", ">", eb.ref("r.joined_seq"))]))
        .executeTakeFirst();
      return numberOf(row?.unread ?? 0);
    },
  };
};
