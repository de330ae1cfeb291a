import type { EngineDeps } from "../host/index.js";
import type { CacheConfig } from "./config.js";
import { MemoryCache } from "./memory/index.js";
import type { Cache } from "./port.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set; only that one's driver is loaded. */
export const openCache = async (config: CacheConfig, deps: EngineDeps): Promise<Cache> => {
  if (config.IM_REDIS_URL === undefined) return new MemoryCache(deps);
  const { RedisCache } = await import("./redis/index.js");
  return RedisCache.open(config.IM_REDIS_URL, deps);
};
