import type { Snowflakes } from "@dunlin/domain";
import type { Blobs } from "@dunlin/engines/blobs";
import type { Cache } from "@dunlin/engines/cache";
import type { Queue } from "@dunlin/engines/queue";
import type { Registry } from "@dunlin/engines/registry";
import type { Store } from "@dunlin/engines/store";
import type { Clock, Health, Logger, Metrics } from "@dunlin/runtime";
import type { CronConfig } from "./config.js";

/** What the jobs work with. */
export interface JobContext {
  readonly config: CronConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly store: Store;
  readonly registry: Registry;
  readonly blobs: Blobs;
}

/** What cronsvc works with; built once per process, shared with the other services of that process. */
export interface CronContext extends JobContext {
  readonly health: Health;
  readonly queue: Queue;
  readonly cache: Cache;
  /** Ids of the messages it sends, made under the process's slot. */
  readonly snowflakes: Snowflakes;
}
