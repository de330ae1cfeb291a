import { parentPort, workerData } from "node:worker_threads";
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from "@photostructure/sqlite";
import { LRUCache } from "lru-cache";
import { guarded } from "../../sqlite/exit-guard.js";
import type { Answer, Failure, Operation, Reply, Request, WorkerSetup } from "./protocol.js";

/** Statements kept prepared. Lists of different lengths make different statements, hence the bound. */
const PREPARED = 300;
const BUSY_TIMEOUT_MS = 5000;

interface Prepared {
  readonly statement: StatementSyncInstance;
  /** Empty for a statement that gives no rows. */
  readonly columns: readonly string[];
}

const nothing: Answer = { columns: [], rows: [], affected: 0 };

const open = ({ file, mode }: WorkerSetup): DatabaseSyncInstance => {
  const database = new DatabaseSync(file, { readOnly: mode === "reader", timeout: BUSY_TIMEOUT_MS });
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

const serve = (database: DatabaseSyncInstance, port: NonNullable<typeof parentPort>, guard: (work: () => void) => void): void => {
  const cache = new LRUCache<string, Prepared>({ max: PREPARED });

  const prepare = (sql: string): Prepared => {
    const known = cache.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    const described = statement.columns();
    const columns = described.map((column) => column.name);
    if (columns.length > 0) statement.setReturnArrays(true);
    // A message id has 63 bits, more than a number holds.
    if (described.some(({ table, column }) => table === "messages" && column === "id")) statement.setReadBigInts(true);
    const prepared = { statement, columns };
    cache.set(sql, prepared);
    return prepared;
  };

  const run = (sql: string, lists: readonly (readonly unknown[])[]): Answer => {
    const { statement, columns } = prepare(sql);
    const rows: unknown[][] = [];
    let affected = 0;
    for (const params of lists) {
      if (columns.length > 0) for (const row of statement.all(...params)) rows.push(row as unknown[]);
      else affected += statement.run(...params).changes;
    }
    return { columns, rows, affected };
  };

  const perform = (operation: Operation): Answer => {
    switch (operation.kind) {
      case "run":
        return run(operation.sql, [operation.params]);
      case "each":
        return run(operation.sql, operation.params);
      case "begin":
        return run("begin immediate", [[]]);
      case "commit":
        return run("commit", [[]]);
      case "rollback":
        return database.isTransaction ? run("rollback", [[]]) : nothing;
      case "close":
        cache.clear();
        database.close();
        return nothing;
    }
  };

  const answer = ({ id, operation, inTransaction }: Request): Reply => {
    try {
      if (inTransaction && operation.kind !== "rollback" && !database.isTransaction) throw new Error("the transaction has ended already");
      return { id, answer: perform(operation) };
    } catch (error) {
      return { id, failure: failureOf(error) };
    }
  };
  port.on("message", (requests: readonly Request[]) => {
    guard(() => {
      port.postMessage(requests.map(answer));
      if (requests.at(-1)?.operation.kind === "close") port.close();
    });
  });
};

const failureOf = (error: unknown): Failure => ({
  message: error instanceof Error ? error.message : String(error),
  errcode: Number((error as { errcode?: number }).errcode ?? 0),
});

if (parentPort) {
  const port = parentPort;
  const setup = workerData as WorkerSetup;
  const guard = guarded(setup.flags);
  guard(() => {
    let first: Reply;
    try {
      serve(open(setup), port, guard);
      first = { id: 0, answer: nothing };
    } catch (error) {
      first = { id: 0, failure: failureOf(error) };
    }
    port.postMessage([first]);
  });
}
