import type { Store } from "../port/index.js";
import { createSqlStore } from "../sql/store.js";
import { mysqlDialect, mysqlKysely } from "./dialect.js";
import { ConnectionPool } from "./pool.js";
import { createMysqlSearch } from "./search.js";

const READ_TIMEOUT_MS = 3000;
/** More than a lock wait takes, so that the server's own error comes first. */
const WRITE_TIMEOUT_MS = 15_000;
const MIGRATION_TIMEOUT_MS = 3600_000;

/** The clustered store. Connects when it is first used; the database named in the URL must exist. */
export const openMysqlStore = (url: string, poolSize: number): Store => {
  const pool = new ConnectionPool(url, poolSize);
  const migrations = pool.sessions(MIGRATION_TIMEOUT_MS);
  return createSqlStore({
    dialect: mysqlDialect,
    kysely: mysqlKysely,
    reads: pool.sessions(READ_TIMEOUT_MS),
    writes: pool.sessions(WRITE_TIMEOUT_MS),
    migrations,
    search: (context) => createMysqlSearch(context, migrations),
    close: () => pool.close(),
  });
};
