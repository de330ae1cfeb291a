import { Worker } from "node:worker_threads";
import type { AppError } from "@dunlin/runtime";
import { guardExit } from "../../sqlite/exit-guard.js";
import { unavailable } from "../sql/errors.js";
import { appErrorOf } from "./errors.js";
import type { Answer, Operation, Reply, Request, WorkerSetup } from "./protocol.js";

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: AppError) => void;
}

/** Requests that may wait for one worker. */
const MAX_PENDING = 4096;

/** A SQLite connection in a thread of its own, so that the event loop never waits for the disk. */
export class WorkerConnection {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #gone: AppError | undefined;
  /** Requests of this turn of the event loop: they travel in one message, since waking a thread costs more than its work. */
  #outbox: Request[] = [];

  private constructor(setup: Omit<WorkerSetup, "flags">) {
    const guard = guardExit();
    const workerData: WorkerSetup = { ...setup, flags: guard.flags };
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { name: `dunlin-store-${setup.mode}`, workerData });
    this.#worker.once("exit", guard.release);
    this.#worker.on("message", (replies: readonly Reply[]) => {
      for (const reply of replies) {
        const waiting = this.#waiting.get(reply.id);
        this.#waiting.delete(reply.id);
        if ("answer" in reply) waiting?.resolve(reply.answer);
        else waiting?.reject(appErrorOf(reply.failure));
      }
    });
    this.#worker.on("error", (error) => this.#end(unavailable("the store's thread failed", error)));
    this.#worker.on("exit", () => this.#end(unavailable("the store is closed")));
  }

  /** Resolves when the database is open. */
  static async open(setup: Omit<WorkerSetup, "flags">): Promise<WorkerConnection> {
    const connection = new WorkerConnection(setup);
    try {
      await connection.#expect(0);
    } catch (error) {
      await connection.#worker.terminate();
      throw error;
    }
    return connection;
  }

  /** Requests are carried out in the order of the calls. @throws AppError */
  async perform(operation: Operation, inTransaction = false): Promise<Answer> {
    if (this.#gone) throw this.#gone;
    if (this.#waiting.size >= MAX_PENDING) throw unavailable("too many requests wait for the store");
    const id = ++this.#nextId;
    const answer = this.#expect(id);
    this.#outbox.push({ id, operation, inTransaction });
    if (this.#outbox.length === 1) queueMicrotask(() => this.#flush());
    return answer;
  }

  /** Closes the database after what was asked before. */
  async close(): Promise<void> {
    if (this.#gone) return;
    const exited = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    try {
      await this.perform({ kind: "close" });
    } finally {
      await this.#worker.terminate();
      await exited;
    }
  }

  #flush(): void {
    const requests = this.#outbox;
    this.#outbox = [];
    this.#worker.postMessage(requests);
  }

  #expect(id: number): Promise<Answer> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #end(error: AppError): void {
    this.#gone ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#gone);
    this.#waiting.clear();
  }
}
