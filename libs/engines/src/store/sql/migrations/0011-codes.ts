import { createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** Addresses that users have shown to be theirs, and codes on their way to some. */
export const codes: SchemaChange = async (db, dialect) => {
  await createTable(db, dialect, {
    name: "user_emails",
    columns: { email: "key", user_id: "id" },
    primaryKey: ["email"],
    indexes: [{ name: "user_emails_user", columns: ["user_id"] }],
  });
  await createTable(db, dialect, {
    name: "email_codes",
    columns: { email: "key", purpose: "word", hash: "word", expires_at: "integer", wrong: "integer" },
    primaryKey: ["email", "purpose"],
    indexes: [{ name: "email_codes_expiry", columns: ["expires_at"] }],
  });
};
