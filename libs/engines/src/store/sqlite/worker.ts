import { parentPort, workerData } from "node:worker_threads";
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from "@photostructure/sqlite";
import { LRUCache } from "lru-cache";
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
    database.exec("pragma journal_mode = wal");
    database.exec("pragma synchronous = full");
    database.exec("pragma wal_autocheckpoint = 4000");
    database.exec("pragma journal_size_limit = 67108864");
  }
  database.exec("pragma cache_size = -32768");
  database.exec("pragma temp_store = memory");
  return database;
};

const serve = (database: DatabaseSyncInstance, port: NonNullable<typeof parentPort>): void => {
  const cache = new LRUCache<string, Prepared>({ max: PREPARED });

  const prepare = (sql: string): Prepared => {
    const known = cache.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    const columns = statement.columns().map((column) => column.name);
    if (columns.length > 0) statement.setReturnArrays(true);
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

  port.on("message", ({ id, operation, inTransaction }: Request) => {
    let reply: Reply;
    try {
      if (inTransaction && operation.kind !== "rollback" && !database.isTransaction) throw new Error("the transaction has ended already");
      reply = { id, answer: perform(operation) };
    } catch (error) {
      reply = { id, failure: failureOf(error) };
    }
    port.postMessage(reply);
    if (operation.kind === "close") port.close();
  });
};

const failureOf = (error: unknown): Failure => ({
  message: error instanceof Error ? error.message : String(error),
  errcode: Number((error as { errcode?: number }).errcode ?? 0),
});

if (parentPort) {
  let first: Reply;
  try {
    serve(open(workerData as WorkerSetup), parentPort);
    first = { id: 0, answer: nothing };
  } catch (error) {
    first = { id: 0, failure: failureOf(error) };
  }
  parentPort.postMessage(first);
}
