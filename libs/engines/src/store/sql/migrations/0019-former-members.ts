import { addColumns, addIndex } from "./tables.js";
import type { SchemaChange } from "./version.js";

/** Who has left a group still sees what was said there: found when one of those messages changes, and shown the group as it was. */
export const formerMembers: SchemaChange = async (db, dialect) => {
  await addColumns(db, dialect, "dialogs", { left_title: "text?", left_avatar: "text?" });
  await addIndex(db, dialect, "dialogs", { name: "dialogs_left", columns: ["peer", "left_seq"] });
};
