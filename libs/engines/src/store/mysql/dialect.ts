import { type Kysely, MysqlAdapter, MysqlIntrospector, MysqlQueryCompiler, sql } from "kysely";
import type { SqlDialect } from "../sql/dialect.js";
import type { KyselyParts } from "../sql/driver.js";
import { unavailable } from "../sql/errors.js";

const tableEnd = "engine=InnoDB default character set utf8mb4 collate utf8mb4_bin row_format=dynamic";

export const mysqlDialect: SqlDialect = {
  name: "mysql",
  rowLocks: true,
  types: {
    id: "varchar(64) character set ascii collate ascii_bin",
    // Binary, because every bytewise collation of text ignores spaces at the end.
    key: "varbinary(320)",
    messageId: "bigint",
    word: "varchar(128) character set ascii collate ascii_bin",
    text: "mediumtext",
    integer: "bigint",
    serial: "bigint auto_increment",
  },
  indexesInTable: true,
  clustersCheaply: true,
  tableEnd: { clustered: tableEnd, appended: tableEnd },
};

const LOCK = sql`concat('dunlin:', left(sha1(database()), 40))`;
const LOCK_WAIT_S = 60;

/** Migrations of one database exclude each other by a lock of the server, which ends with the connection. */
class LockingAdapter extends MysqlAdapter {
  override async acquireMigrationLock(db: Kysely<unknown>): Promise<void> {
    const { rows } = await sql<{ got: unknown }>`select get_lock(${LOCK}, ${LOCK_WAIT_S}) as got`.execute(db);
    if (Number(rows[0]?.got) !== 1) throw unavailable("another process has been migrating the store for a minute");
  }

  override async releaseMigrationLock(db: Kysely<unknown>): Promise<void> {
    await sql`select release_lock(${LOCK})`.execute(db);
  }
}

export const mysqlKysely: KyselyParts = {
  adapter: () => new LockingAdapter(),
  compiler: () => new MysqlQueryCompiler(),
  introspector: (db) => new MysqlIntrospector(db),
};
