import { type Kysely, sql } from "kysely";
import { dialogColumns } from "./rows.js";
import type { Tables } from "./schema.js";
import type { Selection } from "./session.js";

export const dialogSelection: Selection = { table: "dialogs", columns: dialogColumns, key: ["user_id", "peer"] };

/** The range of ids in which all supergroups lie, and no other peer: a range of the primary key. */
export const SUPERGROUPS = { from: "C", to: "D" };

/** Columns that are worked out for a supergroup's members. */
const live: ReadonlySet<string> = new Set(["top_seq", "unread", "updated_at"]);

/**
 * A user's dialogs with the columns of the table. A supergroup's row holds what the user did; how far it reaches, when it
 * was active last and what is unread comes from the conversation while the user is a member. What was recalled is still among
 * what is unread there, and mentions are not counted: `withMarks` sees to both.
 */
const dialogsOf = (readDb: Kysely<Tables>, userId: string) =>
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
export const listing = (readDb: Kysely<Tables>, userId: string) =>
  readDb
    .selectFrom(dialogsOf(readDb, userId).as("l"))
    .select(dialogColumns.map((name) => (live.has(name) ? sql.ref(`l.live_${name}`).as(name) : sql.ref(`l.${name}`).as(name))));

/** Those with supergroups. */
export const supergroupListing = (readDb: Kysely<Tables>, userId: string) =>
  listing(readDb, userId).where("l.peer", ">=", SUPERGROUPS.from).where("l.peer", "<", SUPERGROUPS.to);
