import { addColumns, addIndex } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** A supergroup's leaders are found without a look at its members; a request to be let in that was refused is remembered. */
export const supergroupRules: SchemaChange = async (db, dialect) => {
  await addIndex(db, dialect, "members", { name: "members_role", columns: ["conversation_id", "role"] });
  await addColumns(db, dialect, "join_requests", { refused: "integer=0" });
};
