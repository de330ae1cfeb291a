import type { EngineDeps } from "../host/index.js";
import type { QueueConfig } from "./config.js";
import type { Queue } from "./port.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set; only that one's driver is loaded. */
export const openQueue = async (config: QueueConfig, deps: EngineDeps): Promise<Queue> => {
  const { IM_QUEUE_URL } = config;
  if (IM_QUEUE_URL === undefined) return (await import("./sqlite/engine.js")).openSqliteQueue(config, deps);
  return (await import("./kafka/engine.js")).openKafkaQueue({ ...config, IM_QUEUE_URL }, deps);
};
