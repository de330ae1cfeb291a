import { createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** Who has refused whom as a contact, and when last. */
export const contactRefusals: SchemaChange = (db, dialect) =>
  createTable(db, dialect, {
    name: "contact_refusals",
    columns: { user_id: "id", peer: "id", refused_at: "integer" },
    primaryKey: ["user_id", "peer"],
  });
