import { createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** Messages to be sent later. */
export const scheduled: SchemaChange = (db, dialect) =>
  createTable(db, dialect, {
    name: "scheduled_messages",
    columns: {
      user_id: "id",
      id: "word",
      client_msg_id: "key",
      body: "text",
      body_hash: "word",
      send_at: "integer",
      state: "word",
      version: "integer",
      created_at: "integer",
      updated_at: "integer",
      message_id: "word?",
      code: "integer=0",
      due_at: "integer?",
      settled_at: "integer?",
      attempts: "integer=0",
    },
    primaryKey: ["user_id", "id"],
    indexes: [
      { name: "scheduled_by_user", columns: ["user_id", "send_at", "id"] },
      { name: "scheduled_due", columns: ["due_at"] },
      { name: "scheduled_settled", columns: ["settled_at"] },
    ],
  });
