import type { EngineDeps } from "../host/index.js";
import type { CacheConfig } from "./config.js";
import { MemoryCache } from "./memory/index.js";
import type { Cache } from "./port.js";
import { RedisCache } from "./redis/index.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set. */
export const openCache = async (config: CacheConfig, deps: EngineDeps): Promise<Cache> =>
  config.IM_REDIS_URL === undefined ? new MemoryCache(deps) : await RedisCache.open(config.IM_REDIS_URL, deps);
