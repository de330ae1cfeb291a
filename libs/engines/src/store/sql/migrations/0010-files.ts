import { createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** Files of people, and which messages carry them. */
export const files: SchemaChange = async (db, dialect) => {
  await createTable(db, dialect, {
    name: "files",
    columns: {
      id: "id",
      owner_id: "id",
      name: "text",
      size: "integer",
      type: "word",
      state: "word",
      created_at: "integer",
      expires_at: "integer?",
      width: "integer=0",
      height: "integer=0",
    },
    primaryKey: ["id"],
    indexes: [{ name: "files_expiry", columns: ["expires_at"] }],
  });
  await createTable(db, dialect, {
    name: "file_refs",
    columns: { file_id: "id", message_id: "messageId", conversation_id: "id", seq: "integer" },
    primaryKey: ["file_id", "message_id"],
  });
};
