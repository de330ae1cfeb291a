import type { TopicSpec } from "@dunlin/engines/queue";
import { COMMANDS, deadTopic, PUSHES, WEBHOOKS } from "@dunlin/proto";

/** The topics whose records must not be lost; each has a dead-letter topic of one partition beside it. */
export const DURABLE_TOPICS = [COMMANDS, PUSHES, WEBHOOKS] as const;

/** Partitions of the topics that are keyed by user or serve apps; like those of `commands` a constant for ever. */
const OTHER_PARTITIONS = 16;

/**
 * Every durable topic and its dead letters. Each service that produces to or reads one ensures them all at its start, so
 * that the order in which services start does not matter.
 */
export const durableTopics = (commandPartitions: number): TopicSpec[] =>
  DURABLE_TOPICS.flatMap((name) => [
    { name, partitions: name === COMMANDS ? commandPartitions : OTHER_PARTITIONS, durable: true },
    { name: deadTopic(name), partitions: 1, durable: true },
  ]);
