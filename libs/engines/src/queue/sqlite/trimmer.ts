import type { Clock, Logger } from "@dunlin/runtime";
import type { LogWorker } from "./log-worker.js";
import type { TrimLimit } from "./protocol.js";
import type { DurableTopic, Topic } from "./topic.js";

export interface TrimmerDeps {
  readonly worker: LogWorker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly topics: () => Iterable<Topic>;
  /** Makes the groups' offsets durable: nothing may go that a restart would ask for. */
  readonly flushed: () => Promise<void>;
  readonly maxLog: number;
  readonly everyMs: number;
  /** Consumed records are kept for so long, for stores that fell back and for people who look into things. */
  readonly keepMs: number;
}

/** From this share of its greatest size on the log is nearly full. */
const NEARLY_FULL = 0.8;
const ANY_AGE = Number.MAX_SAFE_INTEGER;

/**
 * Deletes, in slices between commits, what every group that ever read a topic has passed and what is old enough, and what
 * is older than its topic's retention, read or not. When the log is nearly full, what was read goes whatever its age; if
 * that does not do, what has a retention goes before its time, so that a topic whose reader is stuck or missing does not
 * stop all others. What has none is kept: dead letters, and commands until they are applied.
 */
export class Trimmer {
  readonly #deps: TrimmerDeps;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(deps: TrimmerDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => void this.run(), deps.everyMs).unref();
  }

  /** Never rejects; what failed is tried again the next time. */
  run(): Promise<void> {
    this.#running ??= this.#trim()
      .catch((error: unknown) => this.#deps.logger.warn({ err: error }, "the queue's log could not be trimmed"))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #trim(): Promise<void> {
    const { clock, logger, topics, flushed, keepMs } = this.#deps;
    const now = clock.now();
    const durable: DurableTopic[] = [];
    for (const topic of topics()) {
      if (topic.durable) durable.push(topic);
      else for (const partition of topic.partitions) partition.expire(now);
    }
    const read = durable.flatMap(readByAll);
    const expiring = durable.flatMap(({ partitions, retentionMs }) => (retentionMs === undefined ? [] : [{ partitions, retentionMs }]));
    /** What is older than a share of its retention. */
    const expired = (share: number): TrimLimit[] =>
      expiring.flatMap(({ partitions, retentionMs }) =>
        partitions
          .filter(({ first, end }) => end > first)
          .map(({ id, end }) => ({ partitionId: id, offset: end, olderThan: share === 0 ? ANY_AGE : now - retentionMs * share })),
      );
    if (read.length > 0) await flushed();
    await this.#delete(durable, () => {
      const olderThan = this.#nearlyFull ? ANY_AGE : now - keepMs;
      return [...read.map((limit) => ({ ...limit, olderThan })), ...expired(1)];
    });
    if (!this.#nearlyFull || expiring.length === 0) return;
    logger.warn("the queue's log is nearly full: records go before their time");
    for (const share of SHARES) await this.#delete(durable, () => (this.#nearlyFull ? expired(share) : []));
  }

  get #nearlyFull(): boolean {
    return this.#deps.worker.bytes > this.#deps.maxLog * NEARLY_FULL;
  }

  /** Slice by slice, for as long as there is something to delete. */
  async #delete(topics: readonly DurableTopic[], limits: () => readonly TrimLimit[]): Promise<void> {
    const partitions = new Map(topics.flatMap((topic) => topic.partitions.map((partition) => [partition.id, partition])));
    for (let more = true; more && !this.#closed; ) {
      const before = limits();
      if (before.length === 0) return;
      const result = await this.#deps.worker.ask<"trim">({ kind: "trim", before });
      for (const { partitionId, offset } of result.firsts) {
        const partition = partitions.get(partitionId);
        if (partition) partition.first = offset;
      }
      more = result.more;
    }
  }
}

/** Ever younger, so that the oldest of all partitions goes first; at last all there is. */
const SHARES = [...Array.from({ length: 10 }, (_, i) => 2 ** -(i + 1)), 0];

/** Where every group that ever read the topic has passed the first record. */
const readByAll = (topic: DurableTopic): { partitionId: number; offset: number }[] => {
  if (topic.name.endsWith(".dead") || topic.offsets.size === 0) return [];
  const groups = [...topic.offsets.values()];
  return topic.partitions
    .map(({ id, partition, first }) => ({ partitionId: id, offset: Math.min(...groups.map((offsets) => offsets[partition] ?? 0)), first }))
    .filter(({ offset, first }) => offset > first)
    .map(({ partitionId, offset }) => ({ partitionId, offset }));
};
