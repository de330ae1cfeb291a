import { type DialogRow, type Dialogs, isListed } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { createDialogList } from "./dialog-list.js";
import { withMarks } from "./dialog-marks.js";
import { dialogSelection, listing, SUPERGROUPS, supergroupListing } from "./dialog-rows.js";
import { distinctKeys } from "./keys.js";
import { Origins } from "./origins.js";
import { pairOf } from "./pairs.js";
import { dialogOf, numberOf, textOf } from "./rows.js";
import { type Row, withSession } from "./session.js";

export const createDialogs = (context: SqlContext): Dialogs => {
  const { reads, readDb } = context;
  const origins = new Origins(reads);

  const get = async (userId: string, peer: string): Promise<DialogRow | undefined> => {
    if (peer.startsWith("C")) {
      const row = await listing(readDb, userId).where("peer", "=", peer).executeTakeFirst();
      return row && (await withMarks(readDb, userId, [dialogOf(row as Row)]))[0];
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

    list: createDialogList(context),

    async unread(userId, now) {
      const others = readDb
        .selectFrom("dialogs as d")
        .select((eb) => {
          const muted = eb("muted_until", ">", now);
          const unread = eb.or([eb("unread", ">", 0), eb("marked_unread", "=", 1)]);
          const sum = (quiet: boolean, column: "unread" | "unread_mentions") =>
            eb.fn.sum(
              eb
                .case()
                .when(quiet ? muted : eb.not(muted))
                .then(eb.ref(column))
                .else(0)
                .end(),
            );
          const count = (quiet: boolean) =>
            eb.fn.sum(
              eb
                .case()
                .when(eb.and([quiet ? muted : eb.not(muted), unread]))
                .then(1)
                .else(0)
                .end(),
            );
          return [
            sum(false, "unread").as("unread"),
            sum(false, "unread_mentions").as("mentions"),
            count(false).as("dialogs"),
            sum(true, "unread").as("muted_unread"),
            sum(true, "unread_mentions").as("muted_mentions"),
            count(true).as("muted_dialogs"),
          ];
        })
        .where("user_id", "=", userId)
        .where((eb) => eb.or([eb("peer", "<", SUPERGROUPS.from), eb("peer", ">=", SUPERGROUPS.to)]))
        .where((eb) => eb.or([eb("hidden", "=", 0), eb("top_seq", ">", eb.ref("cleared_seq"))]))
        .executeTakeFirst();
      const [row, supergroups] = await Promise.all([others, supergroupListing(readDb, userId).execute()]);
      // Sums over no rows are null.
      const number = (value: unknown): number => numberOf(value ?? 0);
      const loud = { unread: number(row?.unread), unreadMentions: number(row?.mentions), dialogs: number(row?.dialogs) };
      const muted = { unread: number(row?.muted_unread), unreadMentions: number(row?.muted_mentions), dialogs: number(row?.muted_dialogs) };
      const listed = supergroups.map((one) => dialogOf(one as Row)).filter(isListed);
      for (const dialog of await withMarks(readDb, userId, listed)) {
        const counts = dialog.mutedUntil > now ? muted : loud;
        counts.unread += dialog.unread;
        counts.unreadMentions += dialog.unreadMentions;
        if (dialog.unread > 0 || dialog.markedUnread) counts.dialogs += 1;
      }
      return { ...loud, muted };
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
        .where("m.seq", ">", Math.max(dialog.readSeq, dialog.clearedSeq))
        // Nor what was said after the user left.
        .where("m.seq", "<=", dialog.leftSeq ?? Number.MAX_SAFE_INTEGER)
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
