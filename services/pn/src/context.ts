import type { Queue } from "@dunlin/engines/queue";
import type { Store } from "@dunlin/engines/store";
import type { Clock, Health, Logger, Metrics } from "@dunlin/runtime";
import type { PnConfig } from "./config.js";
import type { PushProvider } from "./provider.js";

/** What pnsvc works with; built once per process, shared with the other services of that process. */
export interface PnContext {
  readonly config: PnConfig & { readonly IM_QUEUE_PARTITIONS: number };
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  readonly queue: Queue;
  readonly store: Store;
  readonly provider: PushProvider;
}
