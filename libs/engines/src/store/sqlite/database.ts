import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from "@photostructure/sqlite";
import { LRUCache } from "lru-cache";
import type { Answer } from "./protocol.js";

/** Statements kept prepared. Lists of different lengths make different statements, hence the bound. */
const PREPARED = 300;
const BUSY_TIMEOUT_MS = 5000;

interface Prepared {
  readonly statement: StatementSyncInstance;
  /** Empty for a statement that gives no rows. */
  readonly columns: readonly string[];
}

/** @param busyMs how long a statement waits for a lock of another connection */
export const openDatabase = (file: string, mode: "writer" | "reader", busyMs = BUSY_TIMEOUT_MS): DatabaseSyncInstance => {
  const database = new DatabaseSync(file, { readOnly: mode === "reader", timeout: busyMs });
  if (mode === "writer") {
    // Measured on the ingest bench: 8 KB costs a quarter less than 4 KB, 2 KB costs more.
    database.exec("pragma page_size = 8192");
    database.exec("pragma journal_mode = wal");
    database.exec("pragma synchronous = full");
    // Pages: 64 MB. A page that changes in many commits is then written to its place once.
    database.exec("pragma wal_autocheckpoint = 8000");
    database.exec("pragma journal_size_limit = 134217728");
  }
  database.exec(`pragma cache_size = ${mode === "writer" ? -65536 : -16384}`);
  database.exec("pragma temp_store = memory");
  return database;
};

/** Runs statements on a connection and keeps them prepared. */
export class Statements {
  readonly #cache = new LRUCache<string, Prepared>({ max: PREPARED });

  constructor(private readonly database: DatabaseSyncInstance) {}

  /** Runs a statement for each list of parameters. @throws SQLite's error, with its errcode */
  run(sql: string, lists: readonly (readonly unknown[])[]): Answer {
    const { statement, columns } = this.#prepare(sql);
    const rows: unknown[][] = [];
    let affected = 0;
    for (const params of lists) {
      if (columns.length > 0) for (const row of statement.all(...params)) rows.push(row as unknown[]);
      else affected += statement.run(...params).changes;
    }
    return { columns, rows, affected };
  }

  /** Lets the statements go, so that the database can be closed. */
  clear(): void {
    this.#cache.clear();
  }

  #prepare(sql: string): Prepared {
    const known = this.#cache.get(sql);
    if (known) return known;
    const statement = this.database.prepare(sql);
    const described = statement.columns();
    const columns = described.map((column) => column.name);
    if (columns.length > 0) statement.setReturnArrays(true);
    // A message id has 63 bits, more than a number holds.
    if (described.some(({ table, column }) => (table === "messages" && column === "id") || column === "message_id"))
      statement.setReadBigInts(true);
    const prepared = { statement, columns };
    this.#cache.set(sql, prepared);
    return prepared;
  }
}
