import type { Logger } from "@dunlin/runtime";
import kafkajs, { type Kafka, type LogEntry } from "kafkajs";
import { mendRequestQueue } from "./request-queue.js";
import { mendTargetTopics } from "./target-topics.js";

/** A request that Kafka has not answered after this long has failed, ms. */
export const REQUEST_MS = 3_000;

/** Brokers of kafka://host:port,host:port; the port defaults to 9092. @throws Error when a part is no host and port */
export const brokersOf = (url: string): string[] =>
  url
    .replace(/^kafka:\/\//, "")
    .replace(/\/+$/, "")
    .split(",")
    .map((part) => {
      const match = /^(\[[0-9a-f:]+\]|[^:/\s]+)(?::(\d{1,5}))?$/i.exec(part.trim());
      if (match === null) throw new Error(`IM_QUEUE_URL: ${JSON.stringify(part)} is not a host and a port`);
      return `${match[1]}:${match[2] ?? "9092"}`;
    });

/**
 * A client of its own for each part of the engine: kafkajs shares the offsets of a group among the consumers of one
 * client, and a slow answer holds up what is behind it on the same connection.
 */
export const newClient = (brokers: string[], logger: Logger, part: string): Kafka => {
  mendRequestQueue();
  const kafka = new kafkajs.Kafka({
    brokers,
    clientId: `dunlin-${part}`,
    connectionTimeout: 2_000,
    requestTimeout: REQUEST_MS,
    // Few tries within: whoever calls decides how long it goes on.
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => logTo(logger.child({ part: `kafka ${part}` })),
  });
  return mendTargetTopics(kafka);
};

/** kafkajs reports joins as news and every retry as an error; what matters comes back to us as a rejection. */
const logTo =
  (logger: Logger) =>
  ({ level, namespace, log: { message, error } }: LogEntry): void => {
    const fields = { at: namespace, ...(typeof error === "string" ? { error } : {}) };
    if (level <= kafkajs.logLevel.WARN) logger.warn(fields, message);
    else logger.debug(fields, message);
  };

/** What kafkajs's errors carry that matters here. */
export interface KafkaError extends Error {
  readonly cause?: KafkaError;
  readonly retriable?: boolean;
  readonly type?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly host?: string;
  readonly port?: number;
}
