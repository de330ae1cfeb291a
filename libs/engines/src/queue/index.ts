import type { EngineDeps } from "../host/index.js";
import type { QueueConfig } from "./config.js";
import type { Queue } from "./port.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set. */
export const openQueue = async (_config: QueueConfig, _deps: EngineDeps): Promise<Queue> => {
  throw new Error("no engine yet");
};
