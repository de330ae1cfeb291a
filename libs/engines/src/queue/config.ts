import { type ConfigOf, option } from "@dunlin/runtime";

export const queueOptions = {
  IM_QUEUE_URL: option.optionalUrl("Kafka brokers, kafka://host:port,host:port. Unset: a log in the data folder.", ["kafka"]),
  IM_QUEUE_PARTITIONS: option.integer("Partitions of the topic commands. A constant of the deployment.", "64", 1, 1024),
  IM_QUEUE_BUFFER_MB: option.integer("Records that may wait to be written, MiB; more are refused with QUEUE_FULL.", "32", 1, 4096),
  IM_QUEUE_MAX_MB: option.integer("Size the log in the data folder may reach, MiB; more is refused with QUEUE_FULL.", "4096", 4, 1_048_576),
} as const;

export type QueueConfig = ConfigOf<typeof queueOptions>;
