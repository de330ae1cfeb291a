import type { DomainConfig, Snowflakes, Tokens } from "@dunlin/domain";
import type { Blobs } from "@dunlin/engines/blobs";
import type { Cache } from "@dunlin/engines/cache";
import type { Queue } from "@dunlin/engines/queue";
import type { Registry, SlotLease } from "@dunlin/engines/registry";
import type { Store } from "@dunlin/engines/store";
import type { Clock, Health, Logger, Metrics } from "@dunlin/runtime";
import type { ApiConfig } from "./config.js";

/** What apisvc works with; built once per process, shared with the other services of that process. */
export interface ApiContext {
  readonly config: ApiConfig & DomainConfig & { readonly IM_HOST: string; readonly IM_DRAIN_S: number };
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  readonly queue: Queue;
  readonly store: Store;
  readonly cache: Cache;
  readonly registry: Registry;
  readonly blobs: Blobs;
  /** The process's slot: where results of commands are published for it. */
  readonly lease: SlotLease;
  readonly tokens: Tokens;
  /** Ids made under that slot. */
  readonly snowflakes: Snowflakes;
}
