import { addColumns, createTable, type Table } from "./tables.js";
import type { SchemaChange } from "./version.js";

const tables: readonly Table[] = [
  {
    name: "message_edits",
    columns: { message_id: "messageId", edit_no: "integer", payload: "text", written_at: "integer", replaced_at: "integer" },
    primaryKey: ["message_id", "edit_no"],
  },
  {
    name: "hidden_messages",
    columns: { user_id: "id", conversation_id: "id", seq: "integer", hidden_at: "integer" },
    primaryKey: ["user_id", "conversation_id", "seq"],
  },
  {
    name: "reactions",
    columns: { message_id: "messageId", user_id: "id", emoji: "key", reacted_at: "integer" },
    primaryKey: ["message_id", "user_id", "emoji"],
  },
  {
    name: "reaction_counts",
    columns: { message_id: "messageId", emoji: "key", total: "integer", first_at: "integer" },
    primaryKey: ["message_id", "emoji"],
  },
  {
    name: "pins",
    columns: { conversation_id: "id", seq: "integer", message_id: "messageId", pinned_by: "id", pinned_at: "integer" },
    primaryKey: ["conversation_id", "seq"],
  },
];

/** Messages can be forwarded, edited, recalled, deleted by one member, reacted to and pinned. */
export const messageChanges: SchemaChange = async (db, dialect) => {
  await addColumns(db, dialect, "messages", {
    forwarded_from: "text?",
    edits: "integer=0",
    edited_at: "integer?",
    recalled_at: "integer?",
  });
  for (const table of tables) await createTable(db, dialect, table);
};
