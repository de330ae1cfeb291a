import type { Blobs } from "@dunlin/engines/blobs";
import type { Registry } from "@dunlin/engines/registry";
import type { Store } from "@dunlin/engines/store";
import type { Clock, Health, Logger, Metrics } from "@dunlin/runtime";
import type { CronConfig } from "./config.js";

/** What cronsvc works with; built once per process, shared with the other services of that process. */
export interface CronContext {
  readonly config: CronConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  readonly store: Store;
  readonly registry: Registry;
  readonly blobs: Blobs;
}
