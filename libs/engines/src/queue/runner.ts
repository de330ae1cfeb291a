import { sleep } from "@dunlin/runtime";
import type { QueueErrorKind, QueueMeters } from "./meters.js";
import type { PartitionLog } from "./partition-log.js";
import { type ConsumeOptions, PartitionLost, type QueueRecord } from "./port.js";
import { retryMs, untilDone } from "./retry.js";

export interface RunnerDeps {
  readonly log: PartitionLog;
  readonly options: ConsumeOptions;
  readonly meters: QueueMeters;
  /** Where the group stands. */
  readonly committed: () => number;
  readonly commit: (offset: number) => void;
  /** Told where this runner reads next, so that memory below can go. */
  readonly moved?: (position: number) => void;
}

/** Feeds one partition's records to one consumer, a batch at a time, until it is stopped. */
export class Runner {
  readonly #deps: RunnerDeps;
  readonly #abort = new AbortController();
  #handling = false;
  #position: number | undefined;
  readonly done: Promise<void>;

  /** @param start where to begin; resolves to undefined when that is not known: then `position` is asked. */
  constructor(deps: RunnerDeps, start: Promise<number | undefined>) {
    this.#deps = deps;
    this.done = this.#run(start);
  }

  /** Where it reads next; undefined until it has been positioned. */
  get position(): number | undefined {
    return this.#position;
  }

  /** Whether the handler has a batch right now. */
  get handling(): boolean {
    return this.#handling;
  }

  /** Hands out nothing more; `done` resolves when the batch under way has ended. */
  stop(): void {
    this.#abort.abort();
  }

  async #run(start: Promise<number | undefined>): Promise<void> {
    const { options } = this.#deps;
    const { signal } = this.#abort;
    this.#position = await this.#unlessStopped(start);
    let batch: readonly QueueRecord[] | undefined;
    let failures = 0;
    while (!signal.aborted) {
      try {
        this.#position ??= await this.#ask();
        if (this.#position === undefined) return;
        batch ??= await this.#next(this.#position);
        if (signal.aborted) return;
        if (batch === undefined) continue;
        this.#position = await this.#handle(batch);
        batch = undefined;
        failures = 0;
      } catch (error) {
        failures++;
        if (error instanceof PartitionLost) {
          this.#position = undefined;
          batch = undefined;
          // The first time at once: asking again is the cure. After that it is a failure like any other.
          if (failures === 1) continue;
        }
        options.onError?.(error);
        await sleep(retryMs(failures - 1), signal);
      }
    }
  }

  /** The next batch; undefined when it is worth looking again. */
  async #next(position: number): Promise<readonly QueueRecord[] | undefined> {
    const { log, options, meters } = this.#deps;
    if (position > log.end) {
      // The log is not the one it was: going on would skip what is produced next.
      this.#position = undefined;
      meters.error("position");
      throw new Error(
        `position ${position} of ${options.topic}/${log.partition} lies beyond its end ${log.end}: the log was lost or replaced`,
      );
    }
    if (position < log.first) {
      meters.error("lost");
      options.onError?.(new Error(`records ${position} to ${log.first - 1} of ${options.topic}/${log.partition} are not kept any more`));
      this.#position = log.first;
      return undefined;
    }
    this.#deps.moved?.(position);
    const records = log.take(position, options.maxRecords);
    if (records !== undefined) return this.#counted("log", async () => records);
    await this.#changed();
    return undefined;
  }

  async #handle(records: readonly QueueRecord[]): Promise<number> {
    const { log, options, meters } = this.#deps;
    const nextOffset = (records.at(-1)?.offset ?? log.end - 1) + 1;
    const { signal } = this.#abort;
    const batch = { topic: options.topic, partition: log.partition, records, nextOffset, end: log.end, signal };
    this.#handling = true;
    try {
      await this.#counted("batch", async () => options.onBatch(batch));
    } finally {
      this.#handling = false;
    }
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
    return untilDone(
      async () => {
        const positions = await options.position?.([log.partition]);
        await log.refresh?.();
        return positions?.get(log.partition) ?? committed();
      },
      this.#abort.signal,
      (error) => {
        meters.error("position");
        options.onError?.(error);
      },
    );
  }

  /** Resolves when the log has changed or this runner is stopped. */
  #changed(): Promise<void> {
    const { signal } = this.#abort;
    return new Promise<void>((resolve) => {
      const done = (): void => {
        forget();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const forget = this.#deps.log.onceChanged(done);
      signal.addEventListener("abort", done, { once: true });
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
