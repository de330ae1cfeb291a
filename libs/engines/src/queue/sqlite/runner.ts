import { sleep } from "@dunlin/runtime";
import type { QueueErrorKind, QueueMeters } from "../meters.js";
import { type ConsumeOptions, PartitionLost, type QueueRecord } from "../port.js";
import { retryMs, untilDone } from "../retry.js";
import type { PartitionLog } from "./tail.js";

export interface RunnerDeps {
  readonly log: PartitionLog;
  readonly options: ConsumeOptions;
  readonly meters: QueueMeters;
  /** Where the group stands. */
  readonly committed: () => number;
  readonly commit: (offset: number) => void;
  /** Told where this runner reads next, so that memory below can go. */
  readonly moved: (position: number) => void;
}

/** Feeds one partition's records to one consumer, a batch at a time, until it is stopped. */
export class Runner {
  readonly #deps: RunnerDeps;
  readonly #abort = new AbortController();
  readonly done: Promise<void>;

  /** @param start where to begin. */
  constructor(deps: RunnerDeps, start: Promise<number>) {
    this.#deps = deps;
    this.done = this.#run(start);
  }

  /** Hands out nothing more; `done` resolves when the batch under way has ended. */
  stop(): void {
    this.#abort.abort();
  }

  async #run(start: Promise<number>): Promise<void> {
    const { log, options } = this.#deps;
    const { signal } = this.#abort;
    let position = await this.#unlessStopped(start);
    let batch: readonly QueueRecord[] | undefined;
    let failures = 0;
    while (!signal.aborted) {
      try {
        position ??= await this.#ask();
        if (position === undefined) return;
        if (position > log.end) {
          const beyond = position;
          position = undefined;
          throw this.#beyond(beyond);
        }
        if (position < log.first) position = this.#lost(position);
        const from = position;
        this.#deps.moved(position);
        if (position >= log.end) {
          await this.#grown();
          continue;
        }
        batch ??= await this.#counted("log", async () => log.fetch(from, options.maxRecords));
        if (signal.aborted) return;
        position = await this.#handle(batch);
        batch = undefined;
        failures = 0;
      } catch (error) {
        if (error instanceof PartitionLost) {
          position = undefined;
          batch = undefined;
          // The first time at once: asking again is the cure. After that it is a failure like any other.
          if (failures++ === 0) continue;
        } else {
          failures++;
        }
        options.onError?.(error);
        await sleep(retryMs(failures - 1), signal);
      }
    }
  }

  async #handle(records: readonly QueueRecord[]): Promise<number> {
    const { log, options, meters } = this.#deps;
    const nextOffset = (records.at(-1)?.offset ?? log.end - 1) + 1;
    const { signal } = this.#abort;
    const batch = { topic: options.topic, partition: log.partition, records, nextOffset, end: log.end, signal };
    await this.#counted("batch", async () => options.onBatch(batch));
    this.#deps.commit(nextOffset);
    meters.consumed(options.topic, options.group, records.length);
    return nextOffset;
  }

  async #counted<T>(kind: QueueErrorKind, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PartitionLost)) this.#deps.meters.error(kind);
      throw error;
    }
  }

  async #ask(): Promise<number | undefined> {
    const { log, options, meters, committed } = this.#deps;
    const positions = await untilDone(
      async () => (await options.position?.([log.partition])) ?? new Map<number, number>(),
      this.#abort.signal,
      (error) => {
        meters.error("position");
        options.onError?.(error);
      },
    );
    return positions && (positions.get(log.partition) ?? committed());
  }

  /** The log is not the one it was: going on would skip what is produced next. */
  #beyond(position: number): Error {
    const { log, options, meters } = this.#deps;
    meters.error("position");
    return new Error(
      `position ${position} of ${options.topic}/${log.partition} lies beyond its end ${log.end}: the log was lost or replaced`,
    );
  }

  #lost(position: number): number {
    const { log, options, meters } = this.#deps;
    meters.error("lost");
    options.onError?.(new Error(`records ${position} to ${log.first - 1} of ${options.topic}/${log.partition} are not kept any more`));
    return log.first;
  }

  #grown(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#abort.signal.removeEventListener("abort", done);
        forget();
        resolve();
      };
      const forget = this.#deps.log.onceGrown(done);
      this.#abort.signal.addEventListener("abort", done, { once: true });
    });
  }

  async #unlessStopped<T>(promise: Promise<T>): Promise<T | undefined> {
    const { signal } = this.#abort;
    let stop = (): void => {};
    const stopped = new Promise<undefined>((resolve) => {
      stop = () => resolve(undefined);
      signal.addEventListener("abort", stop, { once: true });
    });
    try {
      return await Promise.race([promise, stopped]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
