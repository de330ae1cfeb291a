import { addColumns } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** Users can be deactivated. */
export const deactivation: SchemaChange = (db, dialect) => addColumns(db, dialect, "users", { deactivated_at: "integer=0" });
