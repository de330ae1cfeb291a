import { addColumns, createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** What a group or supergroup says of itself, whom it keeps out, and who asks to be let in. */
export const groupRules: SchemaChange = async (db, dialect) => {
  await addColumns(db, dialect, "members", { muted_until: "integer=0", last_sent_at: "integer=0" });
  await createTable(db, dialect, {
    name: "group_settings",
    columns: {
      conversation_id: "id",
      announcement: "text?",
      slow_mode_s: "integer",
      muted_until: "integer",
      join_mode: "word",
      link: "id?",
      link_expires_at: "integer",
      link_max_uses: "integer",
      link_uses: "integer",
      dissolved_at: "integer",
    },
    primaryKey: ["conversation_id"],
    indexes: [{ name: "group_settings_link", columns: ["link"] }],
  });
  await createTable(db, dialect, {
    name: "restrictions",
    columns: {
      conversation_id: "id",
      user_id: "id",
      banned_at: "integer",
      banned_by: "id",
      muted_until: "integer",
      last_sent_at: "integer",
    },
    primaryKey: ["conversation_id", "user_id"],
  });
  await createTable(db, dialect, {
    name: "join_requests",
    columns: { conversation_id: "id", user_id: "id", message: "text", requested_at: "integer", expires_at: "integer" },
    primaryKey: ["conversation_id", "user_id"],
    indexes: [{ name: "join_requests_expiry", columns: ["expires_at"] }],
  });
};
