import { domainOptions, signingKey, Tokens } from "@dunlin/domain";
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
      return { ...shared, store, rules: { groupMembersMax: config.IM_GROUP_MEMBERS_MAX }, partitions: config.IM_QUEUE_PARTITIONS };
    };
    const openGateway = async (): Promise<GatewayContext> => {
      const embedded = [config.IM_QUEUE_URL, config.IM_STORE_URL, config.IM_REDIS_URL, config.IM_ETCD_URL].every(
        (url) => url === undefined,
      );
      const key = await signingKey(config.IM_AUTH_KEY, embedded, config.IM_DATA_DIR);
      const lease = await engines.registry.leaseSlot(`broker@${config.IM_HOST}:${config.IM_WS_PORT}`);
      // Somebody else has the slot: whatever this process delivers now is theirs to deliver.
      lease.onLost(() => process.kill(process.pid, "SIGTERM"));
      return { ...shared, lease, tokens: new Tokens(key, config.IM_ACCESS_TTL_S, clock) };
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
