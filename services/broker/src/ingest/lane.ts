import type { Effects } from "@dunlin/domain";
import { PartitionLost } from "@dunlin/engines/queue";
import { backoffMs, type Logger, sleep } from "@dunlin/runtime";
import type { Item } from "./slice.js";
import { type Commit, Fenced, isPassing } from "./writer.js";

const RETRY_BASE_MS = 50;
const RETRY_CAP_MS = 2_000;

interface Entry {
  readonly partition: number;
  items: readonly Item[];
  readonly signal: AbortSignal;
  resolve(): void;
  reject(error: unknown): void;
}

export interface LaneDeps {
  readonly logger: Logger;
  /** At most about this many records in one transaction. */
  readonly maxRecords: number;
  /** Transactions begin at least so far apart, unless a full one waits, ms. A record after a quiet time waits for nothing. */
  readonly paceMs: number;
  /** Writes items in one transaction or several; calls back after each commit. */
  readonly write: (items: readonly Item[], commit: Commit) => Promise<void>;
  /** Produces what a commit has made. */
  readonly finish: (effects: Effects, stopped: () => boolean) => Promise<void>;
}

/**
 * Merges the batches of many partitions into one transaction at a time: while one commits, the next gathers. Small loads
 * are written at once, large ones in large transactions, and two partitions of one process never fight over a user.
 *
 * Each partition has at most one batch here, so what waits is bounded by partitions × batch size. While a transaction's
 * deliveries are produced, the next transaction (of other partitions) runs.
 */
export class Lane {
  #waiting: Entry[] = [];
  #running = false;
  #began = Number.NEGATIVE_INFINITY;
  /** partition → the offset that this process has brought it to */
  readonly #reached = new Map<number, number>();

  constructor(private readonly deps: LaneDeps) {}

  /** Resolves when the items are stored and their deliveries produced. @throws PartitionLost when somebody else did. */
  run(partition: number, items: readonly Item[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ partition, items, signal, resolve, reject });
      if (!this.#running) void this.#pump();
    });
  }

  async #pump(): Promise<void> {
    this.#running = true;
    let failures = 0;
    while (this.#waiting.length > 0) {
      const wait = this.#toPace();
      if (wait > 0) await sleep(wait);
      this.#began = performance.now();
      const group = this.#take();
      if (group.length === 0) continue;
      const finishing: Promise<void>[] = [];
      // Not AbortSignal.any: on Node 20 each one stays with its long-lived sources.
      const stopped = (): boolean => group.some((entry) => entry.signal.aborted);
      try {
        await this.deps.write(
          group.flatMap((entry) => entry.items),
          {
            done: (items, effects) => {
              for (const item of items) this.#reached.set(item.partition, item.next);
              finishing.push(this.deps.finish(effects, stopped));
            },
            finished: async () => {
              await Promise.all(finishing);
            },
          },
        );
        failures = 0;
        this.#settle(group, finishing);
      } catch (error) {
        await this.#recover(group, finishing, error);
        if (error instanceof Fenced) continue;
        if (!isPassing(error)) this.deps.logger.error({ err: error }, "ingest failed");
        else this.deps.logger.warn({ err: error }, "the store is away; ingest waits");
        await sleep(backoffMs(failures++, RETRY_BASE_MS, RETRY_CAP_MS));
      }
    }
    this.#running = false;
  }

  /** ms in which more may join: a transaction for each message would cost several times its work. */
  #toPace(): number {
    if (this.#waiting.reduce((sum, { items }) => sum + items.length, 0) >= this.deps.maxRecords) return 0;
    return this.#began + this.deps.paceMs - performance.now();
  }

  /** The next group: whole entries up to about maxRecords. Entries whose partition was taken away are turned back. */
  #take(): Entry[] {
    const group: Entry[] = [];
    let records = 0;
    while (this.#waiting.length > 0 && records < this.deps.maxRecords) {
      const entry = this.#waiting.shift() as Entry;
      if (entry.signal.aborted) entry.reject(new PartitionLost(`partition ${entry.partition} was taken away`));
      else {
        group.push(entry);
        records += entry.items.length;
      }
    }
    return group;
  }

  #settle(group: readonly Entry[], finishing: readonly Promise<void>[]): void {
    Promise.all(finishing).then(
      () => {
        for (const entry of group) entry.resolve();
      },
      (error: unknown) => {
        for (const entry of group) entry.reject(error);
      },
    );
  }

  /**
   * Part of a group may be committed; its deliveries are to be out before the rest is written. Lost partitions are turned
   * back; what remains of the others waits at the head.
   */
  async #recover(group: readonly Entry[], finishing: readonly Promise<void>[], error: unknown): Promise<void> {
    const lost = error instanceof Fenced ? new Set(error.partitions) : new Set<number>();
    const finished = await Promise.all(finishing).then(
      () => undefined,
      (failure: unknown) => ({ failure }),
    );
    const again: Entry[] = [];
    for (const entry of group) {
      const reached = this.#reached.get(entry.partition);
      if (lost.has(entry.partition)) {
        entry.reject(new PartitionLost(`partition ${entry.partition} was moved by another consumer`));
      } else if (finished) {
        entry.reject(finished.failure);
      } else {
        if (reached !== undefined) entry.items = entry.items.filter((item) => item.from >= reached);
        if (entry.items.length === 0) entry.resolve();
        else again.push(entry);
      }
    }
    this.#waiting.unshift(...again);
  }
}
