import type { Kysely } from "kysely";
import type { SqlDialect } from "./dialect.js";
import type { Tables } from "./schema.js";
import type { SessionSource } from "./session.js";

/** What the sections of the store are built on. In MySQL reads and writes are one pool; in SQLite two connections. */
export interface SqlContext {
  readonly dialect: SqlDialect;
  readonly reads: SessionSource;
  readonly writes: SessionSource;
  readonly readDb: Kysely<Tables>;
  readonly writeDb: Kysely<Tables>;
}
