import { type Logger, sleep, withTimeout } from "@dunlin/runtime";
import type { Consumer } from "kafkajs";
import { retryMs } from "../retry.js";
import { newClient } from "./client.js";

const SESSION_MS = 10_000;
/** Far beyond a missed heartbeat: kafkajs has stopped without a word. */
const SILENT_MS = 30_000;

export interface MembershipDeps {
  readonly brokers: string[];
  readonly logger: Logger;
  readonly group: string;
  readonly topic: string;
  /** A generation began. The same member id as before: nobody else can have had the partitions kept. */
  readonly onJoined: (memberId: string, partitions: readonly number[]) => void;
  /** Others are joining or leaving: the next generation may take partitions away. */
  readonly onRebalancing: () => void;
  /** No member any more; it joins again by itself. */
  readonly onLost: () => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Being a member of a consumer group, and no more: kafkajs joins, sends heartbeats and commits, but fetches nothing (all
 * partitions are paused). Its fetch loop waits for the slowest partition, skips to a default offset when one is out of
 * range, and stalls after some rebalances (kafkajs #659, #1011); reading is the Fetcher's.
 */
export class Membership {
  readonly #deps: MembershipDeps;
  readonly #abort = new AbortController();
  readonly #living: Promise<void>;
  #consumer: Consumer | undefined;
  #end: (reason: unknown) => void = () => {};
  #heardAt = performance.now();

  constructor(deps: MembershipDeps) {
    this.#deps = deps;
    this.#living = this.#live();
  }

  /** Whether nothing has been heard of the group for too long. */
  get silent(): boolean {
    return performance.now() - this.#heardAt > SILENT_MS;
  }

  /** Gives the membership up and joins anew. */
  restart(reason: Error): void {
    this.#end(reason);
  }

  /** @throws Error when it is no member now, or Kafka refuses */
  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    if (this.#consumer === undefined) throw new Error(`no member of group ${this.#deps.group} now`);
    const { topic } = this.#deps;
    await this.#consumer.commitOffsets([...offsets].map(([partition, offset]) => ({ topic, partition, offset: String(offset) })));
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#end(undefined);
    await this.#living;
  }

  async #live(): Promise<void> {
    const { onLost, onError } = this.#deps;
    const { signal } = this.#abort;
    for (let failures = 0; !signal.aborted; failures++) {
      this.#heardAt = performance.now();
      const { consumer, ended } = this.#create(() => {
        failures = 0;
      });
      let reason: unknown;
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [this.#deps.topic], fromBeginning: true });
        if (!signal.aborted) await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async () => {} });
        if (!signal.aborted) reason = await ended;
      } catch (error) {
        reason = error;
      }
      this.#consumer = undefined;
      onLost();
      // What does not end by itself within the session is put out of the group by Kafka.
      await withTimeout(consumer.disconnect(), SESSION_MS).catch(() => {});
      if (signal.aborted) return;
      onError(reason);
      await sleep(retryMs(failures), signal);
    }
  }

  #create(joined: () => void): { consumer: Consumer; ended: Promise<unknown> } {
    const { brokers, logger, group, topic, onJoined, onRebalancing } = this.#deps;
    const consumer = newClient(brokers, logger, "group").consumer({
      groupId: group,
      sessionTimeout: SESSION_MS,
      rebalanceTimeout: 15_000,
      heartbeatInterval: 500,
      // With nothing to fetch, this is only how often kafkajs looks whether a heartbeat is due.
      maxWaitTimeInMs: 250,
      allowAutoTopicCreation: false,
      // It restarts in ways that leave the caller guessing; here it is made anew instead.
      retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: async () => false },
    });
    const ended = new Promise<unknown>((resolve) => {
      this.#end = resolve;
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
    });
    consumer.on(consumer.events.HEARTBEAT, () => {
      this.#heardAt = performance.now();
    });
    consumer.on(consumer.events.REBALANCING, () => onRebalancing());
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      // Called before the first fetch of the generation; without the topic's number of partitions, so all of them.
      consumer.pause([{ topic }]);
      joined();
      this.#heardAt = performance.now();
      this.#consumer = consumer;
      if (!this.#abort.signal.aborted) onJoined(payload.memberId, payload.memberAssignment[topic] ?? []);
    });
    return { consumer, ended };
  }
}
