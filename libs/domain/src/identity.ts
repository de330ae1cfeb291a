import type { HostConfig } from "@dunlin/engines/host";
import type { Registry, SlotLease } from "@dunlin/engines/registry";
import type { Clock } from "@dunlin/runtime";
import type { DomainConfig } from "./config.js";
import { Snowflakes } from "./ids.js";
import { signingKey } from "./signing-key.js";
import { Tokens } from "./tokens.js";

export interface IdentityDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly config: DomainConfig & HostConfig;
  /** Who leases the slot, for operators. */
  readonly owner: string;
  /** Called when somebody else has the slot: this process must make no more ids and end. */
  readonly onSlotLost: () => void;
  /** Verified tokens to remember; the default suits a process that sees each token many times. */
  readonly verifiedTokens?: number;
}

/** What makes a process one of the cluster: its slot, the ids made under it, and the key that signs tokens. */
export interface Identity {
  readonly lease: SlotLease;
  readonly snowflakes: Snowflakes;
  readonly tokens: Tokens;
  close(): Promise<void>;
}

/** @throws ConfigError for a missing or weak key, AppError UNAVAILABLE when no slot is to be had. */
export const openIdentity = async ({ registry, clock, config, owner, onSlotLost, verifiedTokens }: IdentityDeps): Promise<Identity> => {
  const engines = [config.IM_QUEUE_URL, config.IM_STORE_URL, config.IM_REDIS_URL, config.IM_ETCD_URL];
  const embedded = engines.every((url) => url === undefined);
  const key = await signingKey(config.IM_AUTH_KEY, embedded, config.IM_DATA_DIR);
  const lease = await registry.leaseSlot(owner);
  lease.onLost(onSlotLost);
  return {
    lease,
    snowflakes: new Snowflakes(lease, clock),
    tokens: new Tokens(key, config.IM_ACCESS_TTL_S, clock, verifiedTokens),
    close: () => lease.close(),
  };
};
