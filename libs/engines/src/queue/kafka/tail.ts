import type { Logger } from "@dunlin/runtime";
import type { QueueMeters } from "../meters.js";
import type { Consumer, QueueRecord } from "../port.js";
import { newClient } from "./client.js";
import { boundsOfOne, newCluster } from "./cluster.js";
import { type Fetched, Fetcher, type FetchTarget } from "./fetcher.js";

export interface TailDeps {
  readonly brokers: string[];
  readonly logger: Logger;
  readonly meters: QueueMeters;
  /** The topic's name in Kafka, and ours. */
  readonly topic: string;
  readonly name: string;
  readonly onRecords: (records: readonly QueueRecord[]) => void;
}

/** Follows partition 0 of a topic from its end, once that is known. @throws KafkaError when there is no such topic */
export const openTail = async ({ brokers, logger, meters, topic, name, onRecords }: TailDeps): Promise<Consumer> => {
  const cluster = newCluster(newClient(brokers, logger, "tail"));
  const failed = (error: unknown): void => {
    meters.error("consume");
    logger.warn({ err: error, topic }, "following a topic: trouble, going on");
  };
  const fetcher = new Fetcher(cluster, failed);
  let closed = false;
  let next: number | undefined;
  try {
    next = (await boundsOfOne(cluster, topic, 0)).end;
  } catch (error) {
    await fetcher.close();
    throw error;
  }
  const target: FetchTarget = {
    topic,
    partition: 0,
    get wanted() {
      return next;
    },
    deliver: (fetched: Fetched) => {
      next = fetched.next;
      if (closed || fetched.records.length === 0) return;
      try {
        onRecords(fetched.records);
        meters.consumed(name, "tail", fetched.records.length);
      } catch (error) {
        meters.error("batch");
        logger.error({ err: error, topic }, "a follower of the queue failed");
      }
    },
    // Trimmed under us, or the topic began anew: a transient topic may lose records, so on with what there is.
    outOfRange: () => {
      next = undefined;
      meters.error("lost");
      boundsOfOne(cluster, topic, 0).then(
        ({ first }) => {
          next = first;
          fetcher.poke();
        },
        (error: unknown) => {
          failed(error);
          if (!closed) setTimeout(() => target.outOfRange(), 1_000).unref();
        },
      );
    },
  };
  fetcher.add([target]);
  let closing: Promise<void> | undefined;
  return {
    close: () => {
      closed = true;
      closing ??= fetcher.close();
      return closing;
    },
  };
};
