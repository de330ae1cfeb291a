import { type ConfigOf, option } from "@dunlin/runtime";

export const queueOptions = {
  IM_QUEUE_URL: option.optionalUrl("Kafka brokers, kafka://host:port,host:port. Unset: a log in the data folder.", ["kafka"]),
  IM_QUEUE_PARTITIONS: option.integer("Partitions of the topic commands. A constant of the deployment.", "64", 1, 1024),
} as const;

export type QueueConfig = ConfigOf<typeof queueOptions>;
