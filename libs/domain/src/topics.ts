import type { TopicSpec } from "@dunlin/engines/queue";
import { COMMANDS, deadTopic, PUSHES, WEBHOOKS } from "@dunlin/proto";

/** The topics whose records must not be lost; each has a dead-letter topic of one partition beside it. */
export const DURABLE_TOPICS = [COMMANDS, PUSHES, WEBHOOKS] as const;

/** Partitions of the topics that are keyed by user or serve apps; like those of `commands` a constant for ever. */
const OTHER_PARTITIONS = 16;

const DAY_MS = 86_400_000;
/** What is worth nothing when it is late; it must not fill the queue when its reader is stuck or missing. */
const RETENTION_MS: Partial<Record<(typeof DURABLE_TOPICS)[number], number>> = { [PUSHES]: DAY_MS, [WEBHOOKS]: 7 * DAY_MS };

/** Four transactions of ingest: enough to keep it busy, and what a message waits for stays below a second (decision 0008). */
const COMMANDS_BEHIND = 4_000;

const retention = (name: (typeof DURABLE_TOPICS)[number]): { retentionMs?: number } => {
  const retentionMs = RETENTION_MS[name];
  return retentionMs === undefined ? {} : { retentionMs };
};

/**
 * Every durable topic and its dead letters. Each service that produces to or reads one ensures them all at its start, so
 * that the order in which services start does not matter.
 */
export const durableTopics = (commandPartitions: number): TopicSpec[] =>
  DURABLE_TOPICS.flatMap((name) => [
    name === COMMANDS
      ? { name, partitions: commandPartitions, durable: true, maxBehind: COMMANDS_BEHIND }
      : { name, partitions: OTHER_PARTITIONS, durable: true, ...retention(name) },
    { name: deadTopic(name), partitions: 1, durable: true },
  ]);
