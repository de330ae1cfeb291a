import type { EngineDeps } from "../host/index.js";
import type { CacheConfig } from "./config.js";
import type { Cache } from "./port.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set. */
export const openCache = async (_config: CacheConfig, _deps: EngineDeps): Promise<Cache> => {
  throw new Error("no engine yet");
};
