import { type ConfigOf, option } from "@dunlin/runtime";

export const pnOptions = {
  IM_PUSH_CONCURRENCY: option.integer("Pushes handed to a provider at a time.", "32", 1, 1000),
  IM_PUSH_TIMEOUT_MS: option.integer("A provider that has not answered by then has failed, ms.", "10000", 10, 120_000),
  IM_PUSH_ATTEMPTS: option.integer("How often a push is tried before it becomes a dead letter.", "5", 1, 20),
  IM_PUSH_RETRY_MS: option.integer("Pause before the second try, doubling from there up to 100 times as long, ms.", "500", 1, 60_000),
} as const;

export type PnConfig = ConfigOf<typeof pnOptions>;
