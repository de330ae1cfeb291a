import type { EngineDeps } from "../host/index.js";
import type { RegistryConfig } from "./config.js";
import { MemoryRegistry, MemorySpace, spaceFile } from "./memory/index.js";
import type { Registry } from "./port.js";

export * from "./config.js";
export * from "./port.js";

/** Opens the embedded engine, or the clustered one when its URL is set; only that one's driver is loaded. */
export const openRegistry = async (config: RegistryConfig, deps: EngineDeps): Promise<Registry> => {
  const ttlMs = config.IM_LEASE_TTL_S * 1000;
  if (config.IM_ETCD_URL === undefined) return new MemoryRegistry({ ...deps, ttlMs, space: new MemorySpace(spaceFile(deps.dataDir)) });
  const { EtcdRegistry } = await import("./etcd/index.js");
  return new EtcdRegistry({ ...deps, url: config.IM_ETCD_URL, ttlMs });
};
