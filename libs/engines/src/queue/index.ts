import type { EngineDeps } from "../host/index.js";
import type { QueueConfig } from "./config.js";
import type { Queue } from "./port.js";
import { openSqliteQueue } from "./sqlite/engine.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set. */
export const openQueue = async (config: QueueConfig, deps: EngineDeps): Promise<Queue> => {
  if (config.IM_QUEUE_URL !== undefined) throw new Error("no engine yet");
  return openSqliteQueue(config, deps);
};
