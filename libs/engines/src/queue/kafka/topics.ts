import { sleep } from "@dunlin/runtime";
import type { Admin } from "kafkajs";
import type { TopicSpec } from "../port.js";
import { retryMs } from "../retry.js";
import type { KafkaError } from "./client.js";

const TRANSIENT_MS = 10 * 60_000;
const CREATE_MS = 10_000;
/** A topic that was not there is looked for again after this, ms. */
const MISSING_MS = 1_000;

/** What topics there are in Kafka, and making them. */
export class Topics {
  readonly #admin: Admin;
  readonly #known = new Map<string, number>();
  readonly #asked = new Map<string, Promise<number>>();

  constructor(admin: Admin) {
    this.#admin = admin;
  }

  /** The number of partitions, when that is known already. */
  known(topic: string): number | undefined {
    return this.#known.get(topic);
  }

  forget(topic: string): void {
    this.#known.delete(topic);
  }

  /** The number of partitions. @throws Error when there is no such topic; KafkaError */
  async partitions(topic: string): Promise<number> {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    let asked = this.#asked.get(topic);
    if (asked === undefined) {
      asked = this.#ask(topic);
      this.#asked.set(topic, asked);
      const again = (): void => void this.#asked.delete(topic);
      asked.then(again, () => setTimeout(again, MISSING_MS).unref());
    }
    return asked;
  }

  /** @throws Error when a topic has another number of partitions */
  async ensure(specs: readonly TopicSpec[]): Promise<void> {
    const there = new Set(await this.#admin.listTopics());
    const missing = specs.filter(({ name }) => !there.has(name));
    if (missing.length > 0) await this.#create(missing);
    for (const { name } of missing) await this.#usable(name);
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: specs.map(({ name }) => name) });
    const found = new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
    for (const { name, partitions } of specs) {
      const actual = found.get(name) ?? 0;
      if (actual !== partitions) throw new Error(`topic ${name} has ${actual} partitions, not ${partitions}`);
      this.#known.set(name, partitions);
      this.#asked.delete(name);
    }
  }

  async #create(specs: readonly TopicSpec[]): Promise<void> {
    const { brokers } = await this.#admin.describeCluster();
    const replicationFactor = Math.min(3, brokers.length);
    // False when somebody else was quicker: the numbers are compared afterwards anyway.
    await this.#admin.createTopics({
      // kafkajs's own wait gives up at once when the broker it asks has not heard of the topic yet.
      waitForLeaders: false,
      timeout: CREATE_MS,
      topics: specs.map(({ name, partitions, durable, retentionMs = name.endsWith(".dead") ? -1 : undefined }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor,
        configEntries: configOf(durable, retentionMs, replicationFactor),
      })),
    });
  }

  /** Leaders are named before they know of it: for a moment they refuse what is asked of a new topic. */
  async #usable(topic: string): Promise<void> {
    const deadline = performance.now() + CREATE_MS;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#admin.fetchTopicOffsets(topic);
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(retryMs(attempt) / 2);
      }
    }
  }

  async #ask(topic: string): Promise<number> {
    try {
      const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]?.partitions.length ?? 0;
      if (partitions === 0) throw new Error(`there is no topic ${topic}`);
      this.#known.set(topic, partitions);
      return partitions;
    } catch (error) {
      if ((error as KafkaError).type === "UNKNOWN_TOPIC_OR_PARTITION") throw new Error(`there is no topic ${topic}`, { cause: error });
      throw error;
    }
  }
}

const configOf = (durable: boolean, retentionMs: number | undefined, replicas: number): { name: string; value: string }[] => {
  if (!durable) {
    return Object.entries({ "retention.ms": TRANSIENT_MS, "segment.ms": TRANSIENT_MS, "segment.bytes": 16 * 1024 * 1024 }).map(
      ([key, value]) => ({ name: key, value: String(value) }),
    );
  }
  return [
    // Acknowledged means on two machines, where there are three.
    ...(replicas >= 3 ? [{ name: "min.insync.replicas", value: "2" }] : []),
    ...(retentionMs === undefined ? [] : [{ name: "retention.ms", value: String(retentionMs) }]),
  ];
};
