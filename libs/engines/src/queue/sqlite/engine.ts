import { AppError, Closer, withTimeout } from "@dunlin/runtime";
import type { EngineDeps } from "../../host/index.js";
import type { QueueConfig } from "../config.js";
import { type QueueMeters, queueMeters } from "../meters.js";
import { partitionOf } from "../murmur2.js";
import { closedQueue, OpenConsumers } from "../open-consumers.js";
import type { ConsumeOptions, Consumer, PartitionPosition, ProduceRecord, Queue, QueueRecord, TopicSpec } from "../port.js";
import { Committer } from "./committer.js";
import { DurablePartition, TailMemory } from "./durable-partition.js";
import { ConsumerGroup } from "./group.js";
import { LogWorker } from "./log-worker.js";
import type { StoredTopic } from "./protocol.js";
import { follow, newTopic, offsetsOf, type Topic, type TransientTopic } from "./topic.js";
import { TransientPartition } from "./transient-partition.js";
import { Trimmer } from "./trimmer.js";

const MIB = 1024 * 1024;

/** What tests change. */
export interface SqliteQueueTuning {
  /** Newest records kept in memory for consumers that lag a little, bytes. */
  readonly tailBytes?: number;
  readonly trimEveryMs?: number;
  readonly keepMs?: number;
}

/** Opens the embedded engine. @throws Error naming the data folder when another process uses it. */
export const openSqliteQueue = async (config: QueueConfig, deps: EngineDeps, tuning: SqliteQueueTuning = {}): Promise<Queue> =>
  new SqliteQueue(await LogWorker.open(deps.dataDir), config, deps, tuning);

/** The queue in one process: durable topics in a log file behind a worker thread, transient ones in memory. */
class SqliteQueue implements Queue {
  readonly engine = "sqlite";
  readonly #deps: EngineDeps;
  readonly #meters: QueueMeters;
  readonly #worker: LogWorker;
  readonly #committer: Committer;
  readonly #memory: TailMemory;
  readonly #topics = new Map<string, Topic>();
  readonly #consumers = new OpenConsumers();
  readonly #closer = new Closer();
  #closing = false;

  constructor(worker: LogWorker, config: QueueConfig, deps: EngineDeps, tuning: SqliteQueueTuning) {
    this.#worker = worker;
    this.#deps = deps;
    this.#meters = queueMeters(deps.metrics);
    this.#memory = new TailMemory(tuning.tailBytes ?? 16 * MIB);
    const maxLog = config.IM_QUEUE_MAX_MB * MIB;
    this.#committer = new Committer({
      worker,
      clock: deps.clock,
      logger: deps.logger,
      meters: this.#meters,
      maxWaiting: config.IM_QUEUE_BUFFER_MB * MIB,
      maxLog,
      committed: (partition, records) => this.#memory.append(partition, records),
    });
    const trimmer = new Trimmer({
      worker,
      clock: deps.clock,
      logger: deps.logger,
      topics: () => this.#topics.values(),
      flushed: () => this.#committer.drain(),
      maxLog,
      everyMs: tuning.trimEveryMs ?? 30_000,
      keepMs: tuning.keepMs ?? 3_600_000,
    });
    this.#adopt(worker.state.topics);
    const byId = new Map(
      [...this.#topics.values()].flatMap((topic) => (topic.durable ? topic.partitions.map((p) => [p.id, { topic, p }] as const) : [])),
    );
    for (const { group, partitionId, offset } of worker.state.offsets) {
      const found = byId.get(partitionId);
      if (found) offsetsOf(found.topic, group)[found.p.partition] = offset;
    }
    this.#closer.add("log", () => worker.close());
    this.#closer.add("commits", () => this.#committer.drain());
    this.#closer.add("trimmer", () => trimmer.close());
    this.#closer.add("consumers", () => this.#consumers.close());
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    const missing: TopicSpec[] = [];
    for (const spec of topics) {
      const there = this.#topics.get(spec.name);
      if (there === undefined) missing.push(spec);
      else if (there.partitions.length !== spec.partitions) {
        throw new Error(`topic ${spec.name} has ${there.partitions.length} partitions, not ${spec.partitions}`);
      } else if (there.durable !== spec.durable) {
        throw new Error(`topic ${spec.name} is ${there.durable ? "durable" : "transient"} already`);
      }
    }
    const durable = missing.filter((spec) => spec.durable);
    if (durable.length > 0)
      this.#adopt(
        await this.#worker.ask<"topics">({ kind: "topics", topics: durable.map(({ name, partitions }) => ({ name, partitions })) }),
      );
    for (const { name, partitions, durable } of missing) {
      // Somebody else may have asked for it meanwhile, and follow it already.
      if (!durable && !this.#topics.has(name))
        this.#topics.set(
          name,
          newTopic(
            name,
            false,
            Array.from({ length: partitions }, (_, i) => new TransientPartition(i)),
          ),
        );
    }
    for (const spec of topics) {
      const topic = this.#topics.get(spec.name);
      if (topic) follow(topic, spec);
    }
  }

  async produce(name: string, records: readonly ProduceRecord[]): Promise<void> {
    if (records.length === 0) return;
    if (this.#closing) throw closedQueue();
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new AppError("UNAVAILABLE", undefined, { cause: new Error(`there is no topic ${name}`) });
    const began = performance.now();
    if (topic.durable) await this.#committer.produce(topic.partitions, records);
    else this.#append(topic, records);
    this.#meters.produced(name, records.length, (performance.now() - began) / 1000);
    await topic.brake?.hold();
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const topic = this.#topic(options.topic);
    let group = topic.groups.get(options.group);
    if (group === undefined) {
      const offsets = offsetsOf(topic, options.group);
      group = new ConsumerGroup(
        topic.partitions,
        {
          committed: (partition) => offsets[partition] ?? topic.partitions[partition]?.first ?? 0,
          commit: (partition, offset) => {
            offsets[partition] = offset;
            topic.brake?.moved();
            if (topic.durable) {
              const partitionId = topic.partitions[partition]?.id;
              if (partitionId !== undefined) this.#committer.setOffset({ group: options.group, partitionId, offset });
            }
          },
          moved: (partition, runner, position) => {
            if (topic.durable) this.#memory.freed(topic.partitions[partition]?.moved(runner, position) ?? 0);
          },
        },
        this.#meters,
      );
      topic.groups.set(options.group, group);
    }
    return this.#consumers.add(group.join(options));
  }

  async tail(name: string, onRecords: (records: readonly QueueRecord[]) => void): Promise<Consumer> {
    const topic = this.#topic(name);
    const partition = topic.partitions[0];
    if (partition === undefined || topic.partitions.length > 1) throw new Error(`topic ${name} has more than one partition`);
    let waiting: QueueRecord[] = [];
    let closed = false;
    const hand = (): void => {
      const records = waiting;
      waiting = [];
      if (closed) return;
      try {
        onRecords(records);
        this.#meters.consumed(name, "tail", records.length);
      } catch (error) {
        this.#meters.error("batch");
        this.#deps.logger.error({ err: error, topic: name }, "a follower of the queue failed");
      }
    };
    const unfollow = partition.tail.follow((records) => {
      // Not within the producer's call: its failure is not ours, nor ours its.
      if (waiting.length === 0) queueMicrotask(hand);
      waiting.push(...records);
    });
    return this.#consumers.add({
      close: async () => {
        closed = true;
        unfollow();
      },
    });
  }

  async read(name: string, partition: number, fromOffset: number, limit: number): Promise<{ records: QueueRecord[]; end: number }> {
    const log = this.#topic(name).partitions[partition];
    if (log === undefined) throw new Error(`topic ${name} has no partition ${partition}`);
    const from = Math.max(fromOffset, log.first);
    const records: QueueRecord[] = [];
    while (records.length < limit && from + records.length < log.end) {
      records.push(...((await log.take(from + records.length, limit - records.length)) ?? []));
    }
    return { records, end: log.end };
  }

  async lag(name: string, group: string): Promise<PartitionPosition[]> {
    const topic = this.#topic(name);
    const offsets = topic.offsets.get(group);
    return topic.partitions.map(({ partition, end }) => ({ partition, committed: offsets?.[partition] ?? 0, end }));
  }

  async ping(): Promise<void> {
    await withTimeout(this.#worker.ask<"ping">({ kind: "ping" }), 1_000);
  }

  close(): Promise<void> {
    this.#closing = true;
    return this.#closer.close();
  }

  #topic(name: string): Topic {
    if (this.#closing) throw closedQueue();
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new Error(`there is no topic ${name}`);
    return topic;
  }

  #adopt(stored: readonly StoredTopic[]): void {
    for (const { name, partitions } of stored) {
      if (this.#topics.has(name)) continue;
      const logs = partitions.map((p) => new DurablePartition(this.#worker, p.partitionId, p.partition, p.first, p.end));
      this.#topics.set(name, newTopic(name, true, logs));
    }
  }

  #append(topic: TransientTopic, records: readonly ProduceRecord[]): void {
    const timestamp = this.#deps.clock.now();
    for (const { key, value } of records) {
      const partition = topic.partitions[partitionOf(key, topic.partitions.length)] as TransientPartition;
      partition.append([{ partition: partition.partition, offset: partition.end, key, value, timestamp }]);
    }
  }
}
