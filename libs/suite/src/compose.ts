import { type ApiService, apiOptions, createApiService } from "@dunlin/api";
import { type BrokerService, brokerOptions, createBrokerService } from "@dunlin/broker";
import { type CronService, createCronService, cronOptions } from "@dunlin/cron";
import { domainOptions, ingestRules, openIdentity } from "@dunlin/domain";
import { type Composition, type Host, hostOptions } from "@dunlin/engines/host";
import { createLogProvider, createPnService, pnOptions } from "@dunlin/pn";
import type { ConfigOf } from "@dunlin/runtime";
import { createSysService, type SysService, sysOptions } from "@dunlin/sys";

/** The settings of all five services. */
export const suiteOptions = {
  ...hostOptions,
  ...domainOptions,
  ...apiOptions,
  ...brokerOptions,
  ...sysOptions,
  ...cronOptions,
  ...pnOptions,
} as const;

export type SuiteConfig = ConfigOf<typeof suiteOptions>;

export interface SuiteComposition extends Composition {
  readonly api: ApiService;
  readonly broker: BrokerService;
  readonly sys: SysService;
  readonly cron: CronService;
  /** Closes what the composition opened (the slot's lease). */
  readonly close: () => Promise<void>;
}

/**
 * All five services on one host, each through its own constructor. They start in the order in which they need each other
 * and drain in reverse: apisvc stops accepting, the gateway sends its clients elsewhere, ingest finishes what it has.
 */
export const composeSuite = async (host: Host, config: SuiteConfig, onSlotLost: () => void): Promise<SuiteComposition> => {
  const { logger, metrics, health, clock, engines } = host;
  const { queue, store, cache, registry, blobs } = engines;
  await store.migrate();
  const identity = await openIdentity({ registry, clock, config, owner: `dunlin@${config.IM_HOST}:${config.IM_API_PORT}`, onSlotLost });
  const { lease, tokens, snowflakes } = identity;
  const shared = { config, metrics, health, clock, queue, store, cache, registry, blobs, lease, slot: lease.slot, tokens, snowflakes };
  const loggerOf = (service: string) => logger.child({ part: service });

  const sys = createSysService({ ...shared, logger: loggerOf("sys") });
  const cron = createCronService({ ...shared, logger: loggerOf("cron") });
  const pnLogger = loggerOf("pn");
  const pn = createPnService({ ...shared, logger: pnLogger, provider: createLogProvider(pnLogger) });
  const brokerLogger = loggerOf("broker");
  const broker = createBrokerService({
    ...(config.IM_BROKER_ROLES.includes("ingest")
      ? {
          ingest: {
            ...shared,
            logger: brokerLogger,
            rules: ingestRules(config),
            partitions: config.IM_QUEUE_PARTITIONS,
          },
        }
      : {}),
    ...(config.IM_BROKER_ROLES.includes("gateway") ? { gateway: { ...shared, logger: brokerLogger } } : {}),
  });
  const api = createApiService({ ...shared, logger: loggerOf("api") });
  return { api, broker, sys, cron, services: [sys, cron, pn, broker, api], close: () => identity.close() };
};
