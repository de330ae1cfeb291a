import { AppError, type Logger, sleep } from "@dunlin/runtime";
import type { Message, Producer, TopicMessages } from "kafkajs";
import { family, type QueueMeters } from "../meters.js";
import { partitionOf } from "../murmur2.js";
import type { ProduceRecord } from "../port.js";
import { sizeOf } from "../record-size.js";
import { type KafkaError, newClient } from "./client.js";

/** What one partition gets in one request: Kafka takes a batch of 1 MiB with its defaults. */
const BATCH_BYTES = 950 * 1024;
const REQUEST_BYTES = 4 * 1024 * 1024;
/** A caller hears of a failure after this at the latest, ms. */
const DEADLINE_MS = 5_000;
/** For so long a request that failed at once is tried again, ms. */
const RETRY_MS = 2_000;
const RECORD_OVERHEAD = 64;

export interface KafkaProducerDeps {
  readonly brokers: string[];
  readonly logger: Logger;
  readonly meters: QueueMeters;
  /** Bytes that may wait. */
  readonly maxWaiting: number;
}

interface Call {
  readonly deadline: number;
  left: number;
  settled: boolean;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
}

interface Entry {
  readonly call: Call;
  readonly topic: string;
  readonly partition: number;
  readonly record: ProduceRecord;
  readonly size: number;
}

interface Lane {
  waiting: Entry[];
  busy: Promise<void> | undefined;
  scheduled: boolean;
}

/**
 * Batches what is produced while a request is under way into the next one; kafkajs itself sends every call alone. One
 * request at a time in each lane, so records of one key stay in order. A lane is a topic, or all deliveries together:
 * trouble with one topic does not hold up another.
 */
export class KafkaProducer {
  readonly #deps: KafkaProducerDeps;
  readonly #producer: Producer;
  readonly #lanes = new Map<string, Lane>();
  readonly #calls = new Set<Call>();
  #waitingBytes = 0;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(deps: KafkaProducerDeps) {
    this.#deps = deps;
    this.#producer = newClient(deps.brokers, deps.logger, "produce").producer({
      // Not idempotent: after a rejected send kafkajs uses a sequence number twice, and Kafka drops what comes under it.
      idempotent: false,
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
      retry: { retries: 0 },
    });
  }

  connect(): Promise<void> {
    return this.#producer.connect();
  }

  /** @param name our name of the topic. @throws AppError QUEUE_FULL, TOO_LARGE, UNAVAILABLE */
  produce(name: string, topic: string, partitions: number, records: readonly ProduceRecord[]): Promise<void> {
    if (this.#waitingBytes > this.#deps.maxWaiting) {
      this.#deps.meters.error("full");
      return Promise.reject(new AppError("QUEUE_FULL", undefined, { retryAfterS: 1 }));
    }
    return new Promise((resolve, reject) => {
      const call: Call = { deadline: performance.now() + DEADLINE_MS, left: records.length, settled: false, resolve, reject };
      const entries = records.map((record) => {
        const size = sizeOf(record) + RECORD_OVERHEAD;
        return { call, topic, partition: partitionOf(record.key, partitions), record, size };
      });
      for (const entry of entries) this.#waitingBytes += entry.size;
      const own = this.#lane(family(name));
      own.waiting.push(...entries);
      this.#calls.add(call);
      this.#sweeper ??= setInterval(() => this.#sweep(), 250);
      if (own.busy !== undefined || own.scheduled) return;
      // At the end of this turn of the event loop, so that what comes in it goes together.
      own.scheduled = true;
      setImmediate(() => {
        own.scheduled = false;
        this.#flush(own);
      });
    });
  }

  /** Sends what waits (for as long as its callers wait), and disconnects. */
  async close(): Promise<void> {
    for (const lane of this.#lanes.values()) {
      this.#flush(lane);
      while (lane.busy !== undefined && this.#calls.size > 0) await Promise.race([lane.busy, this.#noCalls()]);
    }
    clearInterval(this.#sweeper);
    await this.#producer.disconnect();
  }

  async #noCalls(): Promise<void> {
    while (this.#calls.size > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { waiting: [], busy: undefined, scheduled: false };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #flush(lane: Lane): void {
    if (lane.busy !== undefined) return;
    const entries = this.#take(lane);
    if (entries.length > 0) lane.busy = this.#send(lane, entries);
  }

  async #send(lane: Lane, entries: readonly Entry[]): Promise<void> {
    let failure: AppError | undefined;
    try {
      await this.#deliver(grouped(entries));
    } catch (cause) {
      this.#deps.meters.error("produce");
      this.#deps.logger.warn({ err: cause, records: entries.length }, "Kafka did not take a batch");
      failure = unavailable(cause);
    }
    lane.busy = undefined;
    // Before the next request: what is left of a call that failed is not sent, or it would lie before the caller's repeat.
    if (failure) for (const { call } of entries) this.#settle(call, failure);
    this.#flush(lane);
    for (const { call, size } of entries) {
      this.#waitingBytes -= size;
      call.left--;
      if (call.left === 0) this.#settle(call, undefined);
    }
  }

  /**
   * What fails at once (a leader that moved, a broker that restarts) is tried again for a while. What timed out is not:
   * the time is over, and Kafka may still do it.
   */
  async #deliver(topicMessages: TopicMessages[]): Promise<void> {
    const until = performance.now() + RETRY_MS;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#producer.sendBatch({ acks: -1, timeout: 2_500, topicMessages });
        return;
      } catch (error) {
        const pause = 25 * 2 ** Math.min(attempt, 4);
        if (!canRetry(error as KafkaError) || performance.now() + pause > until) throw error;
        this.#deps.meters.error("produce");
        await sleep(pause);
      }
    }
  }

  /** The next request's records, in order: up to the first that one of its limits leaves no room for. */
  #take(lane: Lane): Entry[] {
    const taken: Entry[] = [];
    const sizes = new Map<string, number>();
    let total = 0;
    let at = 0;
    for (; at < lane.waiting.length; at++) {
      const entry = lane.waiting[at] as Entry;
      if (entry.call.settled) {
        // Its caller has been told that it failed.
        this.#waitingBytes -= entry.size;
        continue;
      }
      const place = `${entry.topic} ${entry.partition}`;
      const size = (sizes.get(place) ?? 0) + entry.size;
      if (taken.length > 0 && (size > BATCH_BYTES || total + entry.size > REQUEST_BYTES)) break;
      sizes.set(place, size);
      total += entry.size;
      taken.push(entry);
    }
    lane.waiting = at === lane.waiting.length ? [] : lane.waiting.slice(at);
    return taken;
  }

  #settle(call: Call, failure: AppError | undefined): void {
    if (call.settled) return;
    call.settled = true;
    this.#calls.delete(call);
    if (failure) call.reject(failure);
    else call.resolve();
  }

  /** Whoever has waited long enough hears so; a request under way goes on, its outcome unknown. */
  #sweep(): void {
    const now = performance.now();
    for (const call of this.#calls) if (call.deadline <= now) this.#settle(call, unavailable(new Error("Kafka did not answer in time")));
    if (this.#calls.size > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

const unavailable = (cause: unknown): AppError => new AppError("UNAVAILABLE", undefined, { cause, retryAfterS: 1 });

/** kafkajs wraps what it gave up on. */
const canRetry = (error: KafkaError): boolean => {
  const { name, retriable } = error.cause ?? error;
  return retriable === true && name !== "KafkaJSRequestTimeoutError";
};

const grouped = (entries: readonly Entry[]): TopicMessages[] => {
  const topics = new Map<string, Message[]>();
  for (const { topic, partition, record } of entries) {
    const messages = topics.get(topic) ?? [];
    const { buffer, byteOffset, byteLength } = record.value;
    messages.push({ key: record.key, value: Buffer.from(buffer, byteOffset, byteLength), partition });
    topics.set(topic, messages);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
};
