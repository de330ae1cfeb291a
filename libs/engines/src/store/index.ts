import type { EngineDeps } from "../host/index.js";
import type { StoreConfig } from "./config.js";
import type { Store } from "./port/index.js";

export * from "./config.js";
export * from "./port/index.js";

/** Opens the embedded engine, or the clustered one when its URL is set; only that one's driver is loaded. The schema is not touched: see `migrate`. */
export const openStore = async (config: StoreConfig, deps: EngineDeps): Promise<Store> => {
  const { IM_STORE_URL: url, IM_STORE_POOL: poolSize } = config;
  if (url === undefined) return (await import("./sqlite/engine.js")).openSqliteStore(deps.dataDir);
  return (await import("./mysql/engine.js")).openMysqlStore(url, poolSize);
};
