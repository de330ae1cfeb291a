import {
  type Clock,
  Closer,
  type ConfigOf,
  createLogger,
  Health,
  type Logger,
  Metrics,
  option,
  processOptions,
  systemClock,
} from "@dunlin/runtime";
import { type Blobs, blobOptions, openBlobs } from "../blobs/index.js";
import { type Cache, cacheOptions, openCache } from "../cache/index.js";
import { openQueue, type Queue, queueOptions } from "../queue/index.js";
import { openRegistry, type Registry, registryOptions } from "../registry/index.js";
import { openStore, type Store, storeOptions } from "../store/index.js";

/** The settings of all engines and of the process around them. */
export const hostOptions = {
  ...processOptions,
  IM_NAMESPACE: option.text(
    "Prefix of topics, Redis keys and etcd keys: several Dunlins with different ones share engines without meeting.",
    "dunlin",
  ),
  ...queueOptions,
  ...storeOptions,
  ...cacheOptions,
  ...registryOptions,
  ...blobOptions,
} as const;

export type HostConfig = ConfigOf<typeof hostOptions>;

interface Engines {
  queue: Queue;
  store: Store;
  cache: Cache;
  registry: Registry;
  blobs: Blobs;
}

export type EngineName = keyof Engines;

/** What every engine is opened with. */
export interface EngineDeps {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Folder of the embedded engines' files. */
  readonly dataDir: string;
  /** Prefix of topics, Redis keys and etcd keys. Databases are told apart by their URL. */
  readonly namespace: string;
}

/** A process and the engines it has opened: the root that services build their contexts on. */
export interface Host<K extends EngineName = EngineName> {
  readonly config: HostConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  readonly engines: Pick<Engines, K>;
  /** Closes the engines in reverse order of opening. Idempotent. */
  close(): Promise<void>;
}

export interface OpenHostOptions<K extends EngineName> {
  /** The name in logs. */
  readonly service: string;
  readonly config: HostConfig;
  /** Which engines this process needs. */
  readonly needs: readonly K[];
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** Opens the engines that `needs` names, each embedded or clustered as the config says. What failed to open leaves nothing open. */
export const openHost = async <K extends EngineName>({
  service,
  config,
  needs,
  logger = createLogger({ service, level: config.IM_LOG_LEVEL }),
  clock = systemClock,
}: OpenHostOptions<K>): Promise<Host<K>> => {
  const metrics = new Metrics();
  const health = new Health();
  const closer = new Closer();
  const deps: EngineDeps = { logger, metrics, clock, dataDir: config.IM_DATA_DIR, namespace: config.IM_NAMESPACE };
  const open = {
    registry: () => openRegistry(config, deps),
    cache: () => openCache(config, deps),
    store: () => openStore(config, deps),
    queue: () => openQueue(config, deps),
    blobs: () => openBlobs(config, deps),
  } satisfies { [E in keyof Engines]: () => Promise<Engines[E]> };
  const engines: Partial<Engines> = {};
  try {
    for (const name of Object.keys(open) as (keyof Engines)[]) {
      if (!(needs as readonly string[]).includes(name)) continue;
      const engine = await open[name]();
      Object.assign(engines, { [name]: engine });
      closer.add(name, () => engine.close());
      // Without blobs files cannot be sent; everything else goes on, so the process stays in rotation.
      if (name !== "blobs") health.add(name, () => engine.ping());
    }
  } catch (error) {
    await closer.close();
    throw error;
  }
  return {
    config,
    logger,
    metrics,
    health,
    clock,
    engines: engines as Pick<Engines, K>,
    close: () => closer.close(),
  };
};
