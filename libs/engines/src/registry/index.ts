import type { EngineDeps } from "../host/index.js";
import type { RegistryConfig } from "./config.js";
import type { Registry } from "./port.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set. */
export const openRegistry = async (_config: RegistryConfig, _deps: EngineDeps): Promise<Registry> => {
  throw new Error("no engine yet");
};
