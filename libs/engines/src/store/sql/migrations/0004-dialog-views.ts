import { addColumns } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** Dialogs can be marked unread, deleted for oneself, and kept by who has left. `pinned` is from now on an order, of which 1 is one. */
export const dialogViews: SchemaChange = (db, dialect) =>
  addColumns(db, dialect, "dialogs", {
    marked_unread: "integer=0",
    cleared_seq: "integer=0",
    hidden: "integer=0",
    left_seq: "integer?",
  });
