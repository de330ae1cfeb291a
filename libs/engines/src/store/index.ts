import type { EngineDeps } from "../host/index.js";
import type { StoreConfig } from "./config.js";
import type { Store } from "./port.js";
import { openSqliteStore } from "./sqlite/engine.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set. The schema is not touched: see `migrate`. */
export const openStore = async (config: StoreConfig, deps: EngineDeps): Promise<Store> => {
  if (config.IM_STORE_URL !== undefined) throw new Error("no engine yet");
  return openSqliteStore(deps.dataDir);
};
