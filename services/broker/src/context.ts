import type { Tokens } from "@dunlin/domain";
import type { Cache } from "@dunlin/engines/cache";
import type { Queue } from "@dunlin/engines/queue";
import type { Registry, SlotLease } from "@dunlin/engines/registry";
import type { Clock, Health, Logger, Metrics } from "@dunlin/runtime";
import type { BrokerConfig } from "./config.js";
import type { IngestContext } from "./ingest/ingest.js";

/** What the gateway role needs. It never touches the store: sessions and mailboxes are syssvc's to read. */
export interface GatewayContext {
  readonly config: BrokerConfig & { readonly IM_HOST: string; readonly IM_DRAIN_S: number };
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  readonly queue: Queue;
  readonly cache: Cache;
  readonly registry: Registry;
  /** The process's slot: the name of its deliveries topic. */
  readonly lease: SlotLease;
  readonly tokens: Tokens;
}

/** One part per role; a role runs here when its part is given. */
export interface BrokerContext {
  readonly ingest?: IngestContext;
  readonly gateway?: GatewayContext;
}
