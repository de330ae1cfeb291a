import type { EngineDeps } from "../host/index.js";
import type { StoreConfig } from "./config.js";
import type { Store } from "./port.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set. */
export const openStore = async (_config: StoreConfig, _deps: EngineDeps): Promise<Store> => {
  throw new Error("no engine yet");
};
