import { type Logger, withTimeout } from "@dunlin/runtime";
import type { Admin } from "kafkajs";
import { Assignment } from "../assignment.js";
import type { QueueMeters } from "../meters.js";
import type { ConsumeOptions, Consumer } from "../port.js";
import { newClient } from "./client.js";
import { type Bounds, boundsOf, boundsOfOne, type Cluster, newCluster } from "./cluster.js";
import { Fetcher } from "./fetcher.js";
import { Membership } from "./membership.js";
import { BufferBudget, KafkaPartition } from "./partition.js";
import { Watchdog } from "./watchdog.js";

/** Offsets are committed together after this, ms. What is lost of them comes again; stores that fence know better anyway. */
const COMMIT_AFTER_MS = 200;

export interface KafkaConsumerDeps {
  readonly brokers: string[];
  readonly logger: Logger;
  readonly meters: QueueMeters;
  readonly admin: Admin;
  /** The topic's and the group's names in Kafka. */
  readonly topic: string;
  readonly group: string;
  readonly options: ConsumeOptions;
}

/** A consumer of a group: the group says which partitions, the fetcher reads them, runners hand them out. */
export class KafkaConsumer implements Consumer {
  readonly #deps: KafkaConsumerDeps;
  readonly #assignment: Assignment;
  readonly #membership: Membership;
  readonly #watchdog: Watchdog;
  readonly #budget = new BufferBudget();
  readonly #partitions = new Map<number, KafkaPartition>();
  /** Partitions taken away whose batch has not ended. */
  readonly #ending = new Map<number, Promise<void>>();
  readonly #committed = new Map<number, number>();
  #dirty = new Map<number, number>();
  #committing: Promise<void> | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  #cluster: Cluster;
  #fetcher: Fetcher;
  #memberId = "";
  #generation = 0;
  #closing: Promise<void> | undefined;

  constructor(deps: KafkaConsumerDeps) {
    this.#deps = deps;
    const { brokers, logger, group, topic, options, meters } = deps;
    [this.#cluster, this.#fetcher] = this.#newFetcher();
    this.#assignment = new Assignment({
      options,
      meters,
      committed: (partition) => this.#committed.get(partition) ?? this.#partitions.get(partition)?.first ?? 0,
      commit: (partition, offset) => this.#commit(partition, offset),
      prepare: (partitions) => this.#prepare(partitions),
    });
    this.#membership = new Membership({
      brokers,
      logger,
      group,
      topic,
      onJoined: (memberId, partitions) => this.#joined(memberId, partitions),
      onRebalancing: () => void this.#flush(),
      onLost: () => this.#joined("", []),
      onError: (error) => this.#failed(error),
    });
    this.#watchdog = new Watchdog({
      runners: () => this.#assignment.runners,
      ends: async (partitions) => new Map([...(await this.#bounds(partitions))].map(([partition, { end }]) => [partition, end])),
      silent: () => this.#membership.silent,
      stalled: (error) => this.#renew(error),
      onError: (error) => this.#failed(error),
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watchdog.close();
    this.#generation++;
    await Promise.all([this.#assignment.remove(this.#assignment.partitions), ...this.#ending.values()]);
    await this.#flush();
    clearTimeout(this.#commitTimer);
    await Promise.all([this.#membership.close(), this.#fetcher.close()]);
  }

  #joined(memberId: string, wanted: readonly number[]): void {
    if (this.#closing !== undefined) return;
    const generation = ++this.#generation;
    const kept = memberId === this.#memberId ? new Set(wanted) : new Set<number>();
    this.#memberId = memberId;
    this.#end(this.#assignment.partitions.filter((partition) => !kept.has(partition)));
    this.#begin(wanted.filter((partition) => !this.#partitions.has(partition) && !this.#ending.has(partition)));
    for (const partition of wanted) {
      void this.#ending.get(partition)?.then(() => {
        if (generation !== this.#generation) return;
        this.#begin([partition]);
        this.#assignment.announce();
      });
    }
    this.#assignment.announce();
  }

  #begin(partitions: readonly number[]): void {
    const logs = partitions.map((partition) => {
      const log = new KafkaPartition({
        topic: this.#deps.topic,
        partition,
        budget: this.#budget,
        bounds: () => this.#boundsOf(partition),
        poke: () => this.#fetcher.poke(),
        onError: (error) => this.#failed(error),
      });
      this.#partitions.set(partition, log);
      return log;
    });
    this.#fetcher.add(logs);
    this.#assignment.add(logs);
  }

  #end(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const log = this.#partitions.get(partition);
      this.#partitions.delete(partition);
      if (log) this.#fetcher.remove([log]);
      log?.close();
      // Somebody else may own it now: its offsets are theirs to commit.
      this.#dirty.delete(partition);
      this.#committed.delete(partition);
      const ended = this.#assignment.remove([partition]).finally(() => this.#ending.delete(partition));
      this.#ending.set(partition, ended);
    }
  }

  #bounds(partitions: readonly number[]): Promise<Map<number, Bounds>> {
    return boundsOf(this.#cluster, this.#deps.topic, partitions);
  }

  async #boundsOf(partition: number): Promise<Bounds> {
    const bounds = await boundsOfOne(this.#cluster, this.#deps.topic, partition);
    if ((this.#committed.get(partition) ?? 0) > bounds.end) {
      // Another topic of the same name: what the group has committed to the one before went with it.
      this.#dirty.delete(partition);
      await this.#askCommitted([partition]);
    }
    return bounds;
  }

  /** Where the group stands and what there is, before anything is read. Answers the partitions that have no leader now. */
  async #prepare(partitions: readonly number[]): Promise<Set<number>> {
    await this.#askCommitted(partitions);
    const bounds = await this.#bounds(partitions);
    for (const [partition, known] of bounds) this.#partitions.get(partition)?.known(known);
    return new Set(partitions.filter((partition) => !bounds.has(partition)));
  }

  async #askCommitted(partitions: readonly number[]): Promise<void> {
    const { admin, group, topic } = this.#deps;
    const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    for (const partition of partitions) {
      const committed = Number(offsets?.partitions.find((p) => p.partition === partition)?.offset ?? -1);
      if (committed >= 0) this.#committed.set(partition, committed);
      else this.#committed.delete(partition);
    }
  }

  #commit(partition: number, offset: number): void {
    if (!this.#partitions.has(partition)) return;
    this.#committed.set(partition, offset);
    this.#dirty.set(partition, offset);
    this.#commitTimer ??= setTimeout(() => void this.#flush(), COMMIT_AFTER_MS);
  }

  /** Never rejects: what could not be committed is tried again with what comes next. */
  async #flush(): Promise<void> {
    clearTimeout(this.#commitTimer);
    this.#commitTimer = undefined;
    while (this.#committing !== undefined) await this.#committing;
    if (this.#dirty.size === 0) return;
    const offsets = this.#dirty;
    this.#dirty = new Map();
    this.#committing = withTimeout(this.#membership.commit(offsets), 5_000)
      .catch((error: unknown) => {
        this.#deps.logger.debug({ err: error, group: this.#deps.group }, "offsets not committed");
        for (const [partition, offset] of offsets) {
          if (!this.#dirty.has(partition) && this.#partitions.has(partition)) this.#dirty.set(partition, offset);
        }
        if (this.#closing === undefined && this.#dirty.size > 0) this.#commitTimer ??= setTimeout(() => void this.#flush(), 1_000);
      })
      .finally(() => {
        this.#committing = undefined;
      });
    await this.#committing;
  }

  #failed(error: unknown): void {
    this.#deps.meters.error("consume");
    this.#deps.options.onError?.(error);
  }

  /** Everything that talks to Kafka is made anew. */
  #renew(error: Error): void {
    this.#deps.meters.error("stalled");
    this.#deps.logger.error({ err: error, group: this.#deps.group, topic: this.#deps.topic }, "a consumer stalled and is made anew");
    this.#deps.options.onError?.(error);
    const old = this.#fetcher;
    [this.#cluster, this.#fetcher] = this.#newFetcher();
    void old.close();
    this.#membership.restart(error);
  }

  #newFetcher(): [Cluster, Fetcher] {
    const cluster = newCluster(newClient(this.#deps.brokers, this.#deps.logger, "fetch"));
    return [cluster, new Fetcher(cluster, (error) => this.#failed(error))];
  }
}
