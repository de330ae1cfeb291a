import type { Clock, Logger } from "@dunlin/runtime";
import type { LogWorker } from "./log-worker.js";
import type { TrimLimit } from "./protocol.js";
import type { Topic } from "./topic.js";

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

/**
 * Deletes what every group that ever committed on a topic has passed and what is old enough, in slices between commits;
 * regardless of age when the log is nearly full. Dead letters and topics that no group reads are kept.
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
    const { worker, clock, topics, flushed, maxLog, keepMs } = this.#deps;
    const now = clock.now();
    const before: TrimLimit[] = [];
    for (const topic of topics()) {
      if (!topic.durable) for (const partition of topic.partitions) partition.expire(now);
      else before.push(...limits(topic));
    }
    if (before.length === 0) return;
    await flushed();
    const partitions = new Map([...topics()].flatMap((topic) => (topic.durable ? topic.partitions.map((p) => [p.id, p] as const) : [])));
    for (let more = true; more && !this.#closed; ) {
      const olderThan = worker.bytes > maxLog * 0.8 ? Number.MAX_SAFE_INTEGER : now - keepMs;
      const result = await worker.ask<"trim">({ kind: "trim", before, olderThan });
      for (const { partitionId, offset } of result.firsts) {
        const partition = partitions.get(partitionId);
        if (partition) partition.first = offset;
      }
      more = result.more;
    }
  }
}

const limits = (topic: Topic & { durable: true }): TrimLimit[] => {
  if (topic.name.endsWith(".dead") || topic.offsets.size === 0) return [];
  const groups = [...topic.offsets.values()];
  return topic.partitions
    .map(({ id, partition, first }) => ({ partitionId: id, offset: Math.min(...groups.map((offsets) => offsets[partition] ?? 0)), first }))
    .filter(({ offset, first }) => offset > first)
    .map(({ partitionId, offset }) => ({ partitionId, offset }));
};
