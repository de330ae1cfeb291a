import { addIndex, createTable } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** Which files are pictures of whom, and what a user's files take. */
export const filesInUse: SchemaChange = async (db, dialect) => {
  await createTable(db, dialect, { name: "avatars", columns: { file_id: "id", holder: "id" }, primaryKey: ["file_id", "holder"] });
  await addIndex(db, dialect, "files", { name: "files_owner", columns: ["owner_id", "state", "size"] });
};
