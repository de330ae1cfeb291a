import type { DialogCursor, Dialogs } from "../port.js";
import type { SqlContext } from "./context.js";
import { distinctKeys } from "./keys.js";
import { dialogColumns, dialogOf, numberOf, textOf } from "./rows.js";
import { type Selection, withSession } from "./session.js";

export const dialogSelection: Selection = { table: "dialogs", columns: dialogColumns, key: ["user_id", "peer"] };

/** The two users of a 1:1 conversation: its id is both, joined by "_". Such a conversation has no rows in `members`. */
const pairOf = (conversationId: string): [string, string] | undefined => {
  const [a, b, ...more] = conversationId.split("_");
  return a && b && more.length === 0 && a.length > 1 ? [a, b] : undefined;
};

export const createDialogs = ({ reads, readDb }: SqlContext): Dialogs => {
  /** The dialogs that show a conversation: user and peer of each. */
  const places = async (conversationId: string): Promise<(readonly [string, string])[]> => {
    const pair = pairOf(conversationId);
    if (pair) return [pair, [pair[1], pair[0]]];
    const rows = await readDb.selectFrom("members").select("user_id").where("conversation_id", "=", conversationId).execute();
    return rows.map((row) => [textOf(row.user_id), conversationId] as const);
  };

  return {
    async get(userId, peer) {
      const rows = await withSession(reads, (session) => session.select(dialogSelection, [[userId, peer]]));
      return rows[0] && dialogOf(rows[0]);
    },

    async list(userId, cursor: DialogCursor | undefined, limit) {
      let query = readDb.selectFrom("dialogs").select(dialogColumns).where("user_id", "=", userId);
      if (cursor) {
        const { updatedAt, peer } = cursor;
        const pinned = cursor.pinned ? 1 : 0;
        query = query.where((eb) =>
          eb.or([
            eb("pinned", "<", pinned),
            eb.and([eb("pinned", "=", pinned), eb("updated_at", "<", updatedAt)]),
            eb.and([eb("pinned", "=", pinned), eb("updated_at", "=", updatedAt), eb("peer", ">", peer)]),
          ]),
        );
      }
      const rows = await query.orderBy("pinned", "desc").orderBy("updated_at", "desc").orderBy("peer").limit(limit).execute();
      return rows.map(dialogOf);
    },

    async readers(conversationId, seq) {
      const keys = distinctKeys(await places(conversationId));
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
      const row = await readDb
        .selectFrom("dialogs as d")
        .leftJoin("members as r", (join) => join.onRef("r.conversation_id", "=", "d.conversation_id").onRef("r.user_id", "=", "d.user_id"))
        .innerJoin("messages as m", (join) =>
          join
            .onRef("m.conversation_id", "=", "d.conversation_id")
            .onRef("m.seq", ">", "d.read_seq")
            .onRef("m.sender_id", "<>", "d.user_id"),
        )
        .select((eb) => eb.fn.countAll().as("unread"))
        .where("d.user_id", "=", userId)
        .where("d.peer", "=", peer)
        // What was said before the user joined is not the user's to read.
        .where((eb) => eb.or([eb("r.joined_seq", "is", null), eb("m.seq", ">", eb.ref("r.joined_seq"))]))
        .executeTakeFirst();
      return numberOf(row?.unread ?? 0);
    },
  };
};
