import { sql } from "kysely";
import { createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/**
 * Search: notes of what is to be indexed and, where the full text lies in the store's own database (SQLite keeps it in a
 * file beside it), the index and how far it is filled. It begins empty, so that what is stored already is taken in.
 */
export const search: SchemaChange = async (db, dialect) => {
  await createTable(db, dialect, {
    name: "search_notes",
    columns: { no: "serial", noted_at: "integer", message_ids: "text" },
    primaryKey: ["no"],
    appended: true,
  });
  if (dialect.name !== "mysql") return;
  const end = sql.raw(dialect.tableEnd.clustered);
  await sql`create table if not exists search_index (
    message_id bigint not null primary key,
    words mediumtext character set ascii collate ascii_bin not null,
    fulltext key search_index_words (words)
  ) ${end}`.execute(db);
  await sql`create table if not exists search_state (
    name varchar(16) character set ascii collate ascii_bin not null primary key,
    message_id bigint not null,
    filled tinyint not null
  ) ${end}`.execute(db);
  await sql`insert ignore into search_state values ('index', 0, 0)`.execute(db);
};
