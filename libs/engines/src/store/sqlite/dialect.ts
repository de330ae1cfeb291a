import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import type { SqlDialect } from "../sql/dialect.js";
import type { KyselyParts } from "../sql/driver.js";

export const sqliteDialect: SqlDialect = {
  name: "sqlite",
  rowLocks: false,
  // Text compares bytewise by itself.
  types: { id: "text", key: "text", messageId: "integer", word: "text", text: "text", integer: "integer", serial: "integer" },
  indexesInTable: false,
  clustersCheaply: false,
  tableEnd: { clustered: "strict, without rowid", appended: "strict" },
};

export const sqliteKysely: KyselyParts = {
  adapter: () => new SqliteAdapter(),
  compiler: () => new SqliteQueryCompiler(),
  introspector: (db) => new SqliteIntrospector(db),
};
