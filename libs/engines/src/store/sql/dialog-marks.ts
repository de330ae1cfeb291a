import { type Kysely, sql } from "kysely";
import { type DialogRow, MARK_ALL, MARK_RECALLED } from "../port/index.js";
import { numberOf, textOf } from "./rows.js";
import type { Tables } from "./schema.js";

/** Dialogs whose marks one query counts. */
const AT_ONCE = 100;

/** A dialog with the counts as `listing` gives them: of supergroups, recalled messages are still among what is unread. */
type Counted = Pick<DialogRow, "peer" | "kind" | "readSeq" | "topSeq" | "leftSeq" | "unread" | "unreadMentions">;

/** What marks say of each supergroup's messages behind the read position: by peer. */
const marksOf = async (readDb: Kysely<Tables>, userId: string, dialogs: readonly Counted[]) => {
  const found = new Map<string, { recalled: number; mentions: number }>();
  for (let begin = 0; begin < dialogs.length; begin += AT_ONCE) {
    const part = dialogs.slice(begin, begin + AT_ONCE);
    const rows = await readDb
      .selectFrom("supergroup_marks as k")
      .select([
        "conversation_id",
        sql<number>`sum(case when mark = ${MARK_RECALLED} then 1 else 0 end)`.as("recalled"),
        // One message may mention a user and everybody.
        sql<number>`count(distinct case when mark <> ${MARK_RECALLED} then seq end)`.as("mentions"),
      ])
      // Each dialog's positions as values, not as columns: MariaDB seeks a range of the primary key by those only.
      .where((eb) =>
        eb.or(
          part.map(({ peer, readSeq, topSeq, leftSeq }) =>
            eb.and([
              eb("conversation_id", "=", peer),
              eb("mark", "in", [MARK_ALL, MARK_RECALLED, userId]),
              eb("seq", ">", readSeq),
              // What came after the dialog was read, or after the user left, is not counted there either.
              eb("seq", "<=", Math.min(topSeq, leftSeq ?? topSeq)),
            ]),
          ),
        ),
      )
      .where("sender_id", "<>", userId)
      .where(({ not, exists, selectFrom, lit }) =>
        not(
          exists(
            selectFrom("hidden_messages as h")
              .select(lit(1).as("one"))
              .where("h.user_id", "=", userId)
              .whereRef("h.conversation_id", "=", "k.lies_in")
              .whereRef("h.seq", "=", "k.seq"),
          ),
        ),
      )
      .groupBy("conversation_id")
      .execute();
    for (const row of rows) {
      found.set(textOf(row.conversation_id), { recalled: numberOf(row.recalled), mentions: numberOf(row.mentions) });
    }
  }
  return found;
};

/** The dialogs with what is unread in supergroups as it is: without what was recalled, and with the mentions. */
export const withMarks = async <D extends Counted>(readDb: Kysely<Tables>, userId: string, dialogs: readonly D[]): Promise<D[]> => {
  // Where nothing of others lies behind the read position there is nothing to look for: mostly that is so.
  const waiting = dialogs.filter(({ kind, unread }) => kind === "supergroup" && unread > 0);
  const marks = await marksOf(readDb, userId, waiting);
  return dialogs.map((dialog) => {
    if (dialog.kind !== "supergroup") return dialog;
    const { recalled, mentions } = marks.get(dialog.peer) ?? { recalled: 0, mentions: 0 };
    return { ...dialog, unread: Math.max(0, dialog.unread - recalled), unreadMentions: mentions };
  });
};
