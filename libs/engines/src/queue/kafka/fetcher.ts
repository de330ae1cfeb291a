import { sleep } from "@dunlin/runtime";
import type { QueueRecord } from "../port.js";
import { retryMs } from "../retry.js";
import type { KafkaError } from "./client.js";
import { type Cluster, type FetchedPartition, hasLeader } from "./cluster.js";

/** How long Kafka holds a request when there is nothing: the delay until a partition that came meanwhile is asked for. */
const WAIT_MS = 200;
const FETCH_BYTES = 4 * 1024 * 1024;
const PARTITION_BYTES = 512 * 1024;

/** What Kafka had for a partition: `next` is the offset to ask for after it. */
export interface Fetched {
  readonly records: QueueRecord[];
  readonly next: number;
  readonly end: number;
}

/** One partition being followed. */
export interface FetchTarget {
  readonly topic: string;
  readonly partition: number;
  /** The offset to ask for; undefined while nothing is wanted (full, not yet positioned). */
  readonly wanted: number | undefined;
  deliver(fetched: Fetched): void;
  /** Kafka has no such offset. `wanted` is undefined from then on, until that is settled. */
  outOfRange(): void;
}

/**
 * Reads partitions from their leaders: one long request at a time for each leader, over all partitions that want
 * records. It belongs to no consumer group and knows no default offset, so it cannot skip anything by itself.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #onError: (error: unknown) => void;
  readonly #targets = new Set<FetchTarget>();
  readonly #loops = new Map<string, Promise<void>>();
  readonly #abort = new AbortController();
  #changed = new AbortController();
  #refreshing: Promise<void> | undefined;

  constructor(cluster: Cluster, onError: (error: unknown) => void) {
    this.#cluster = cluster;
    this.#onError = onError;
  }

  add(targets: Iterable<FetchTarget>): void {
    for (const target of targets) this.#targets.add(target);
    this.poke();
  }

  remove(targets: Iterable<FetchTarget>): void {
    for (const target of targets) this.#targets.delete(target);
  }

  /** Something may be wanted now that was not. */
  poke(): void {
    this.#startLoops();
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** Closes the cluster too. Never rejects. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#changed.abort();
    await this.#cluster.disconnect().catch(() => {});
    await Promise.all([...this.#loops.values(), this.#refreshing]);
    // What was just being connected.
    await this.#cluster.disconnect().catch(() => {});
  }

  /** Every leader of a wanted partition has a loop; a partition without one has it looked up. */
  #startLoops(): void {
    if (this.#abort.signal.aborted) return;
    let leaderless = false;
    for (const target of this.#targets) {
      if (target.wanted === undefined) continue;
      const leader = this.#leader(target);
      if (leader === undefined) leaderless = true;
      else if (!this.#loops.has(leader)) this.#loops.set(leader, this.#loop(leader));
    }
    if (leaderless) void this.#refresh();
  }

  async #loop(leader: string): Promise<void> {
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted; ) {
      const { signal: changed } = this.#changed;
      const wanted = [...this.#targets].filter((target) => target.wanted !== undefined && this.#leader(target) === leader);
      if (wanted.length === 0) {
        // Perhaps they have moved to a leader without a loop.
        this.#startLoops();
        if (!changed.aborted) await new Promise((resolve) => changed.addEventListener("abort", resolve, { once: true }));
        continue;
      }
      try {
        await this.#fetch(leader, wanted);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        const { name, host, port } = error as KafkaError;
        if (this.#settle(error as KafkaError)) continue;
        this.#onError(error);
        if (name === "KafkaJSConnectionClosedError" && host !== undefined && port !== undefined) this.#cluster.removeBroker({ host, port });
        await sleep(retryMs(failures++), signal);
        const { signal: looked } = this.#changed;
        // Not until all have a leader: those of this one may have theirs already.
        await Promise.race([this.#refresh(), new Promise((resolve) => looked.addEventListener("abort", resolve, { once: true }))]);
      }
    }
  }

  async #fetch(leader: string, targets: readonly FetchTarget[]): Promise<void> {
    const asked = new Map<string, Map<number, { target: FetchTarget; from: number }>>();
    for (const target of targets) {
      if (target.wanted === undefined) continue;
      const partitions = asked.get(target.topic) ?? new Map<number, { target: FetchTarget; from: number }>();
      asked.set(target.topic, partitions.set(target.partition, { target, from: target.wanted }));
    }
    const broker = await this.#cluster.findBroker({ nodeId: leader });
    const { responses } = await broker.fetch({
      maxWaitTime: WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      isolationLevel: 1,
      topics: [...asked].map(([topic, partitions]) => ({
        topic,
        partitions: [...partitions].map(([partition, { from }]) => ({ partition, fetchOffset: String(from), maxBytes: PARTITION_BYTES })),
      })),
    });
    if (this.#abort.signal.aborted) return;
    for (const { topicName, partitions } of responses) {
      for (const answer of partitions) {
        const { target, from = 0 } = asked.get(topicName)?.get(answer.partition) ?? {};
        // What was taken away or positioned anew meanwhile does not want this answer.
        if (target && this.#targets.has(target) && target.wanted === from) target.deliver(decoded(answer, from));
      }
    }
  }

  /** Whether the error was about one partition's offset: that partition is told, the others go on. */
  #settle({ type, topic, partition }: KafkaError): boolean {
    if (type !== "OFFSET_OUT_OF_RANGE") return false;
    for (const target of this.#targets) if (target.topic === topic && target.partition === partition) target.outOfRange();
    return true;
  }

  #leader({ topic, partition }: FetchTarget): string | undefined {
    try {
      const found = this.#cluster.findTopicPartitionMetadata(topic).find((p) => p.partitionId === partition);
      return found && hasLeader(found) ? String(found.leader) : undefined;
    } catch {
      return undefined; // no metadata yet
    }
  }

  /** Looks the leaders up until every partition that wants records has one. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#lookUp().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #lookUp(): Promise<void> {
    const { signal } = this.#abort;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        if (!this.#cluster.isConnected()) await this.#cluster.connect();
        await this.#cluster.addMultipleTargetTopics([...new Set([...this.#targets].map((target) => target.topic))]);
        await this.#cluster.refreshMetadata();
        if (signal.aborted) return;
        this.poke();
        if (![...this.#targets].some((target) => target.wanted !== undefined && this.#leader(target) === undefined)) return;
      } catch (error) {
        if (signal.aborted) return;
        this.#onError(error);
      }
      await sleep(retryMs(attempt), signal);
    }
  }
}

/** Kafka answers with whole batches, which may begin before `from`; markers of transactions are no records. */
export const decoded = ({ partition, highWatermark, messages }: FetchedPartition, from: number): Fetched => {
  const records: QueueRecord[] = [];
  let next = from;
  for (const { offset, timestamp, key, value, isControlRecord } of messages) {
    const at = Number(offset);
    if (at < from) continue;
    next = at + 1;
    if (isControlRecord) continue;
    records.push({ partition, offset: at, key: key === null ? null : key.toString("utf8"), value, timestamp: Number(timestamp) });
  }
  return { records, next, end: Math.max(next, Number(highWatermark)) };
};
