import { createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** When users are not to be disturbed. */
export const presence: SchemaChange = (db, dialect) =>
  createTable(db, dialect, {
    name: "dnd",
    columns: { user_id: "id", snooze_until: "integer", schedule: "text?", allow_mentions: "integer" },
    primaryKey: ["user_id"],
  });
