import { addColumns } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** A refresh token may be traded a second time for a while: its answer may have been lost. */
export const refreshGrace: SchemaChange = (db, dialect) =>
  addColumns(db, dialect, "sessions", { previous_hash: "word?", replaced_at: "integer?" });
