import { domainOptions, ingestRules, openIdentity } from "@dunlin/domain";
import { hostOptions, runMain } from "@dunlin/engines/host";
import type { Store } from "@dunlin/engines/store";
import { brokerOptions } from "./config.js";
import type { GatewayContext } from "./context.js";
import type { IngestContext } from "./ingest/ingest.js";
import { createBrokerService } from "./service.js";

await runMain({
  service: "broker",
  about: "brokersvc: holds WebSockets (gateway), writes accepted commands (ingest)",
  options: { ...hostOptions, ...domainOptions, ...brokerOptions },
  env: process.env,
  args: process.argv.slice(2),
  // Each role opens what it works with and no more: the gateway has no business with the store.
  needs: (config) => ["registry", "cache", "queue", ...(config.IM_BROKER_ROLES.includes("ingest") ? (["store"] as const) : [])],
  compose: async ({ engines, logger, metrics, health, clock }, config) => {
    const shared = { config, logger, metrics, health, clock, queue: engines.queue, cache: engines.cache, registry: engines.registry };
    const openIngest = async (): Promise<IngestContext> => {
      const { store } = engines as typeof engines & { store: Store };
      await store.migrate();
      return {
        ...shared,
        store,
        rules: ingestRules(config),
        partitions: config.IM_QUEUE_PARTITIONS,
      };
    };
    const openGateway = async (): Promise<GatewayContext> => {
      const identity = await openIdentity({
        registry: engines.registry,
        clock,
        config,
        owner: `broker@${config.IM_HOST}:${config.IM_WS_PORT}`,
        // Whatever this process delivers now is somebody else's to deliver.
        onSlotLost: () => process.kill(process.pid, "SIGTERM"),
        // A gateway sees a token once a connection and remembers none; the cache makes its room in advance.
        verifiedTokens: 1,
      });
      return { ...shared, ...identity };
    };
    const ingest = config.IM_BROKER_ROLES.includes("ingest") ? { ingest: await openIngest() } : {};
    const gateway = config.IM_BROKER_ROLES.includes("gateway") ? { gateway: await openGateway() } : {};
    return {
      services: [createBrokerService({ ...ingest, ...gateway })],
      close: async () => {
        await gateway.gateway?.lease.close();
      },
    };
  },
});
