import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import type { SqlDialect } from "../sql/dialect.js";
import type { KyselyParts } from "../sql/driver.js";

export const sqliteDialect: SqlDialect = {
  name: "sqlite",
  rowLocks: false,
  // Text compares bytewise by itself. A message id is kept as text because a 63-bit integer does not fit a JavaScript number.
  types: { id: "text", key: "text", messageId: "text", word: "text", text: "text", integer: "integer" },
  indexesInTable: false,
  tableEnd: { clustered: "strict, without rowid", plain: "strict" },
};

export const sqliteKysely: KyselyParts = {
  adapter: () => new SqliteAdapter(),
  compiler: () => new SqliteQueryCompiler(),
  introspector: (db) => new SqliteIntrospector(db),
};
