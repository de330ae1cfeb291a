import { sql } from "kysely";
import { addColumns, createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/**
 * Changes of messages in supergroups: entries that show a message, the marks from which a member's unread follows, and how
 * far members have read.
 */
export const supergroupChanges: SchemaChange = async (db, dialect) => {
  await addColumns(db, dialect, "supergroup_updates", { message_seq: "integer?" });
  await createTable(db, dialect, {
    name: "supergroup_marks",
    columns: { conversation_id: "id", mark: "id", seq: "integer", sender_id: "id", lies_in: "id" },
    primaryKey: ["conversation_id", "mark", "seq"],
  });
  await createTable(db, dialect, {
    name: "supergroup_reads",
    columns: { conversation_id: "id", user_id: "id", read_seq: "integer", joined_seq: "integer" },
    primaryKey: ["conversation_id", "user_id"],
    indexes: [{ name: "supergroup_reads_by_seq", columns: ["conversation_id", "read_seq", "joined_seq"] }],
  });
  await sql
    .raw(
      `insert into supergroup_reads (conversation_id, user_id, read_seq, joined_seq)
       select d.peer, d.user_id, d.read_seq, m.joined_seq from dialogs d
       join members m on m.conversation_id = d.peer and m.user_id = d.user_id
       where d.kind = 'supergroup' and d.read_seq > m.joined_seq
       and not exists (select 1 from supergroup_reads r where r.conversation_id = d.peer and r.user_id = d.user_id)`,
    )
    .execute(db);
};
