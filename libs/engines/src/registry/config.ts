import { type ConfigOf, option } from "@dunlin/runtime";

export const registryOptions = {
  IM_ETCD_URL: option.optionalUrl("etcd, http://host:port[,http://host:port]. Unset: memory of this process.", ["http", "https"]),
  IM_LEASE_TTL_S: option.integer("How long a process that is gone stays registered, seconds.", "10", 2, 60),
} as const;

export type RegistryConfig = ConfigOf<typeof registryOptions>;
