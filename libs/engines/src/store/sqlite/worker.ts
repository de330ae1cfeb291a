import { parentPort, workerData } from "node:worker_threads";
import type { DatabaseSyncInstance } from "@photostructure/sqlite";
import { guarded } from "../../sqlite/exit-guard.js";
import { openDatabase, Statements } from "./database.js";
import { failureOf } from "./errors.js";
import type { Answer, Failure, Operation, Reply, Request, WorkerSetup } from "./protocol.js";

const nothing: Answer = { columns: [], rows: [], affected: 0 };

const serve = (database: DatabaseSyncInstance, port: NonNullable<typeof parentPort>, guard: (work: () => void) => void): void => {
  const statements = new Statements(database);

  const perform = (operation: Operation): Answer => {
    switch (operation.kind) {
      case "run":
        return statements.run(operation.sql, [operation.params]);
      case "each":
        return statements.run(operation.sql, operation.params);
      case "begin":
        return statements.run("begin immediate", [[]]);
      case "commit":
        return statements.run("commit", [[]]);
      case "rollback":
        return database.isTransaction ? statements.run("rollback", [[]]) : nothing;
      case "close":
        statements.clear();
        database.close();
        return nothing;
    }
  };

  /** What failed in the transaction that is open: the rest of it, and its commit above all, must not be carried out. */
  let broken: Failure | undefined;
  const answer = ({ id, operation, inTransaction }: Request): Reply => {
    if (!inTransaction || operation.kind === "rollback") broken = undefined;
    if (broken) return { id, failure: broken };
    try {
      if (inTransaction && operation.kind !== "rollback" && !database.isTransaction) throw new Error("the transaction has ended already");
      return { id, answer: perform(operation) };
    } catch (error) {
      const failure = failureOf(error);
      if (inTransaction || operation.kind === "begin") broken = failure;
      return { id, failure };
    }
  };
  port.on("message", (requests: readonly Request[]) => {
    guard(() => {
      port.postMessage(requests.map(answer));
      if (requests.at(-1)?.operation.kind === "close") port.close();
    });
  });
};

if (parentPort) {
  const port = parentPort;
  const setup = workerData as WorkerSetup;
  const guard = guarded(setup.flags);
  guard(() => {
    let first: Reply;
    try {
      serve(openDatabase(setup.file, setup.mode), port, guard);
      first = { id: 0, answer: nothing };
    } catch (error) {
      first = { id: 0, failure: failureOf(error) };
    }
    port.postMessage([first]);
  });
}
