import { addColumns, createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** Supergroups: one log that members read, so what a member sees of it is worked out from the conversation's own row. */
export const supergroups: SchemaChange = async (db, dialect) => {
  await addColumns(db, dialect, "conversations", {
    member_count: "integer=0",
    message_count: "integer=0",
    top_seq: "integer=0",
    active_at: "integer=0",
    origin_id: "id?",
    origin_seq: "integer=0",
    successor_id: "id?",
  });
  await addColumns(db, dialect, "dialogs", { read_count: "integer=0" });
  await createTable(db, dialect, {
    name: "supergroup_updates",
    columns: { conversation_id: "id", seq: "integer", type: "word", body: "text", created_at: "integer" },
    primaryKey: ["conversation_id", "seq"],
  });
};
