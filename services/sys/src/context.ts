import type { DomainConfig, Snowflakes, Tokens } from "@dunlin/domain";
import type { Cache } from "@dunlin/engines/cache";
import type { Queue } from "@dunlin/engines/queue";
import type { Registry } from "@dunlin/engines/registry";
import type { Store } from "@dunlin/engines/store";
import type { Clock, Health, Logger, Metrics } from "@dunlin/runtime";
import type { SysConfig } from "./config.js";

/** What syssvc works with; built once per process, shared with the other services of that process. */
export interface SysContext {
  readonly config: SysConfig & DomainConfig & { readonly IM_HOST: string; readonly IM_QUEUE_PARTITIONS: number };
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  readonly queue: Queue;
  readonly store: Store;
  readonly cache: Cache;
  readonly registry: Registry;
  readonly tokens: Tokens;
  /** The process's leased slot, where the outcome of its commands is published. */
  readonly slot: number;
  /** Message ids, made under that slot. */
  readonly snowflakes: Snowflakes;
}
