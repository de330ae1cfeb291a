import type { EngineDeps } from "../host/index.js";
import type { StoreConfig } from "./config.js";
import { openMysqlStore } from "./mysql/engine.js";
import type { Store } from "./port.js";
import { openSqliteStore } from "./sqlite/engine.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set. The schema is not touched: see `migrate`. */
export const openStore = async (config: StoreConfig, deps: EngineDeps): Promise<Store> => {
  const { IM_STORE_URL: url, IM_STORE_POOL: poolSize } = config;
  return url === undefined ? openSqliteStore(deps.dataDir) : openMysqlStore(url, poolSize);
};
