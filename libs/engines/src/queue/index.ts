import type { EngineDeps } from "../host/index.js";
import type { QueueConfig } from "./config.js";
import { openKafkaQueue } from "./kafka/engine.js";
import type { Queue } from "./port.js";
import { openSqliteQueue } from "./sqlite/engine.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set. */
export const openQueue = async (config: QueueConfig, deps: EngineDeps): Promise<Queue> => {
  const { IM_QUEUE_URL } = config;
  return IM_QUEUE_URL === undefined ? openSqliteQueue(config, deps) : openKafkaQueue({ ...config, IM_QUEUE_URL }, deps);
};
