import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { guardExit } from "../../sqlite/exit-guard.js";
import type { LogAnswers, LogHello, LogReply, LogRequest, LogState, LogWorkerData } from "./protocol.js";

interface Waiting {
  readonly resolve: (answer: LogAnswers[keyof LogAnswers]) => void;
  readonly reject: (error: Error) => void;
}

/** The worker as the engine sees it: ask, and be answered. */
export class LogWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #ids = 0;
  #dead: Error | undefined;
  /** Bytes the log holds, as of the last answer. */
  bytes: number;

  private constructor(
    worker: Worker,
    readonly state: LogState,
  ) {
    this.#worker = worker;
    this.bytes = state.bytes;
    worker.on("message", (reply: LogReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.ok) {
        this.bytes = reply.bytes;
        waiting?.resolve(reply.answer);
      } else waiting?.reject(new Error(reply.message));
    });
    worker.on("error", (error) => this.#die(error));
    worker.on("exit", () => this.#die(new Error("the queue's log is closed")));
  }

  /** Opens `<dataDir>/queue.db`. @throws Error naming the folder when another process has it open. */
  static async open(dataDir: string): Promise<LogWorker> {
    await mkdir(dataDir, { recursive: true });
    const guard = guardExit();
    const workerData: LogWorkerData = { file: join(dataDir, "queue.db"), flags: guard.flags };
    const worker = new Worker(new URL("./worker.js", import.meta.url), { name: "dunlin-queue", workerData });
    worker.once("exit", guard.release);
    const hello = await new Promise<LogHello>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    if (!hello.ready) throw new Error(`data folder ${dataDir}: ${hello.message}`);
    return new LogWorker(worker, hello.state);
  }

  /** @throws Error with SQLite's message; then nothing of the request was done. */
  ask<K extends LogRequest["kind"]>(
    request: Extract<LogRequest, { kind: K }>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<LogAnswers[K]> {
    return new Promise((resolve, reject) => {
      if (this.#dead) return reject(this.#dead);
      const id = ++this.#ids;
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      this.#worker.postMessage({ id, request }, transfer);
    });
  }

  async close(): Promise<void> {
    if (this.#dead) return;
    const exited = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    try {
      await this.ask({ kind: "close" });
    } finally {
      await exited;
    }
  }

  #die(error: Error): void {
    this.#dead ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#dead);
    this.#waiting.clear();
  }
}
