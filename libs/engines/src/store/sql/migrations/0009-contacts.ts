import { addColumns, createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** What users are to each other, whom they keep away, and what they show of themselves. */
export const contacts: SchemaChange = async (db, dialect) => {
  // What two users are to each other stands with their conversation too: a send reads and locks that row anyway.
  await addColumns(db, dialect, "conversations", { relation: "integer=0" });
  await addColumns(db, dialect, "users", { bio: "text?" });
  await createTable(db, dialect, {
    name: "contacts",
    columns: { user_id: "id", peer: "id", state: "word", remark: "text?", message: "text?", since: "integer" },
    primaryKey: ["user_id", "peer"],
    indexes: [{ name: "contacts_state", columns: ["user_id", "state", "peer"] }],
  });
  await createTable(db, dialect, {
    name: "blocks",
    columns: { user_id: "id", peer: "id", since: "integer" },
    primaryKey: ["user_id", "peer"],
  });
  await createTable(db, dialect, {
    name: "privacy",
    columns: { user_id: "id", messages_from: "word", added_by: "word", last_seen_by: "word", found_by_account: "integer" },
    primaryKey: ["user_id"],
  });
};
