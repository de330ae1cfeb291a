import { type Kysely, type RawBuilder, sql } from "kysely";
import { MARK_ALL, MARK_RECALLED } from "../port/index.js";
import { dialogColumns } from "./rows.js";
import type { Tables } from "./schema.js";
import type { Selection } from "./session.js";

export const dialogSelection: Selection = { table: "dialogs", columns: dialogColumns, key: ["user_id", "peer"] };

/** Columns that are worked out for a supergroup's members. */
const live: ReadonlySet<string> = new Set(["top_seq", "unread", "unread_mentions", "updated_at"]);

/** Marks behind the read position that concern the user of the dialog `d`; after who has left nothing counts any more. */
const marked = (marks: RawBuilder<unknown>, count: RawBuilder<unknown>) => sql<number>`(select ${count} from supergroup_marks k
  where k.conversation_id = d.peer and k.mark in (${marks}) and k.seq > d.read_seq and k.sender_id <> d.user_id
  and (d.left_seq is null or k.seq <= d.left_seq)
  and not exists (select 1 from hidden_messages h where h.user_id = d.user_id and h.conversation_id = k.lies_in and h.seq = k.seq))`;
const recalled = marked(sql`${sql.lit(MARK_RECALLED)}`, sql`count(*)`);
/** One message may mention a user and everybody. */
const mentions = marked(sql`${sql.lit(MARK_ALL)}, d.user_id`, sql`count(distinct k.seq)`);

/**
 * A user's dialogs with the columns of the table. A supergroup's row holds what the user did; how far it reaches, when it
 * was active last and what is unread comes from the conversation while the user is a member.
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
      sql<number>`case when d.kind = 'supergroup'
        then (case when c.id is null then d.unread else c.message_count - d.read_count end) - ${recalled} else d.unread end`.as(
        "live_unread",
      ),
      sql<number>`case when d.kind = 'supergroup' then ${mentions} else d.unread_mentions end`.as("live_unread_mentions"),
      sql<number>`case when c.active_at > d.updated_at then c.active_at else d.updated_at end`.as("live_updated_at"),
    ])
    .where("d.user_id", "=", userId);

/** The same under the names of the table. */
export const listing = (readDb: Kysely<Tables>, userId: string) =>
  readDb
    .selectFrom(dialogsOf(readDb, userId).as("l"))
    .select(dialogColumns.map((name) => (live.has(name) ? sql.ref(`l.live_${name}`).as(name) : sql.ref(`l.${name}`).as(name))));
