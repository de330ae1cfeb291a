import { AppError, Closer, withTimeout } from "@dunlin/runtime";
import type { Admin } from "kafkajs";
import type { EngineDeps } from "../../host/index.js";
import type { QueueConfig } from "../config.js";
import { type QueueMeters, queueMeters } from "../meters.js";
import { closedQueue, OpenConsumers } from "../open-consumers.js";
import type { ConsumeOptions, Consumer, PartitionPosition, ProduceRecord, Queue, QueueRecord, TopicSpec } from "../port.js";
import { brokersOf, newClient } from "./client.js";
import { boundsOf, boundsOfOne, type Cluster, newCluster } from "./cluster.js";
import { KafkaConsumer } from "./consumer.js";
import { decoded } from "./fetcher.js";
import { KafkaProducer } from "./producer.js";
import { openTail } from "./tail.js";
import { Topics } from "./topics.js";

/** Opens the engine on Kafka. @throws Error when no broker can be reached */
export const openKafkaQueue = async (config: QueueConfig & { readonly IM_QUEUE_URL: string }, deps: EngineDeps): Promise<Queue> => {
  const queue = new KafkaQueue(brokersOf(config.IM_QUEUE_URL), config, deps);
  try {
    await queue.connect();
  } catch (cause) {
    await queue.close().catch(() => {});
    throw new Error(`Kafka cannot be reached at ${config.IM_QUEUE_URL}`, { cause });
  }
  return queue;
};

class KafkaQueue implements Queue {
  readonly engine = "kafka";
  readonly #brokers: string[];
  readonly #deps: EngineDeps;
  readonly #meters: QueueMeters;
  readonly #admin: Admin;
  /** For questions, not for long fetches. */
  readonly #cluster: Cluster;
  readonly #topics: Topics;
  readonly #producer: KafkaProducer;
  readonly #consumers = new OpenConsumers();
  readonly #closer = new Closer();
  #closing = false;

  constructor(brokers: string[], config: QueueConfig, deps: EngineDeps) {
    this.#brokers = brokers;
    this.#deps = deps;
    this.#meters = queueMeters(deps.metrics);
    const { logger } = deps;
    this.#admin = newClient(brokers, logger, "admin").admin();
    this.#cluster = newCluster(newClient(brokers, logger, "ask"));
    this.#topics = new Topics(this.#admin);
    this.#producer = new KafkaProducer({ brokers, logger, meters: this.#meters, maxWaiting: config.IM_QUEUE_BUFFER_MB * 1024 * 1024 });
    this.#closer.add("admin", () => this.#admin.disconnect());
    this.#closer.add("cluster", () => this.#cluster.disconnect());
    this.#closer.add("producer", () => this.#producer.close());
    this.#closer.add("consumers", () => this.#consumers.close());
  }

  async connect(): Promise<void> {
    await Promise.all([this.#admin.connect(), this.#cluster.connect(), this.#producer.connect()]);
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    this.#checkOpen();
    await this.#topics.ensure(topics.map((spec) => ({ ...spec, name: this.#named(spec.name) })));
  }

  async produce(name: string, records: readonly ProduceRecord[]): Promise<void> {
    if (records.length === 0) return;
    this.#checkOpen();
    const began = performance.now();
    const topic = this.#named(name);
    const partitions = this.#topics.known(topic) ?? (await this.#lookUp(topic));
    try {
      await this.#producer.produce(name, topic, partitions, records);
    } catch (error) {
      // It may have been deleted: look before the next.
      if (error instanceof AppError && error.code === "UNAVAILABLE") this.#topics.forget(topic);
      throw error;
    }
    this.#meters.produced(name, records.length, (performance.now() - began) / 1000);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#checkOpen();
    const topic = this.#named(options.topic);
    await this.#topics.partitions(topic);
    return this.#consumers.add(
      new KafkaConsumer({
        brokers: this.#brokers,
        logger: this.#deps.logger,
        meters: this.#meters,
        admin: this.#admin,
        topic,
        group: this.#named(options.group),
        options,
      }),
    );
  }

  async tail(name: string, onRecords: (records: readonly QueueRecord[]) => void): Promise<Consumer> {
    this.#checkOpen();
    const topic = this.#named(name);
    if ((await this.#topics.partitions(topic)) > 1) throw new Error(`topic ${name} has more than one partition`);
    const { logger } = this.#deps;
    return this.#consumers.add(await openTail({ brokers: this.#brokers, logger, meters: this.#meters, topic, name, onRecords }));
  }

  async read(name: string, partition: number, fromOffset: number, limit: number): Promise<{ records: QueueRecord[]; end: number }> {
    this.#checkOpen();
    const topic = this.#named(name);
    const bounds = await boundsOfOne(this.#cluster, topic, partition);
    const records: QueueRecord[] = [];
    for (let from = Math.max(fromOffset, bounds.first); records.length < limit && from < bounds.end; ) {
      const leader = this.#cluster.findTopicPartitionMetadata(topic).find((p) => p.partitionId === partition)?.leader;
      const broker = await this.#cluster.findBroker({ nodeId: String(leader) });
      const { responses } = await broker.fetch({
        maxWaitTime: 100,
        minBytes: 1,
        maxBytes: 1024 * 1024,
        isolationLevel: 1,
        topics: [{ topic, partitions: [{ partition, fetchOffset: String(from), maxBytes: 1024 * 1024 }] }],
      });
      const answer = responses[0]?.partitions[0];
      const fetched = answer && decoded(answer, from);
      if (fetched === undefined || fetched.next === from) break;
      from = fetched.next;
      records.push(...fetched.records.slice(0, limit - records.length));
    }
    return { records, end: bounds.end };
  }

  async lag(name: string, group: string): Promise<PartitionPosition[]> {
    this.#checkOpen();
    const topic = this.#named(name);
    const partitions = Array.from({ length: await this.#topics.partitions(topic) }, (_, i) => i);
    const [bounds, [offsets]] = await Promise.all([
      boundsOf(this.#cluster, topic, partitions),
      this.#admin.fetchOffsets({ groupId: this.#named(group), topics: [topic] }),
    ]);
    const committed = new Map(offsets?.partitions.map((p) => [p.partition, Math.max(0, Number(p.offset))]));
    return partitions.map((partition) => {
      const end = bounds.get(partition)?.end;
      if (end === undefined) throw new Error(`partition ${partition} of ${name} has no leader`);
      return { partition, committed: committed.get(partition) ?? 0, end };
    });
  }

  async ping(): Promise<void> {
    this.#checkOpen();
    await withTimeout(
      (async () => {
        if (!this.#cluster.isConnected()) await this.#cluster.connect();
        await this.#cluster.refreshMetadata();
      })(),
      1_000,
    );
  }

  close(): Promise<void> {
    this.#closing = true;
    return this.#closer.close();
  }

  async #lookUp(topic: string): Promise<number> {
    try {
      return await this.#topics.partitions(topic);
    } catch (cause) {
      throw new AppError("UNAVAILABLE", undefined, { cause, retryAfterS: 1 });
    }
  }

  #named(name: string): string {
    return `${this.#deps.namespace}.${name}`;
  }

  #checkOpen(): void {
    if (this.#closing) throw closedQueue();
  }
}
