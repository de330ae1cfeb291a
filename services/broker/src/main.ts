import { domainOptions, signingKey, Tokens } from "@dunlin/domain";
import { hostOptions, openHost } from "@dunlin/engines/host";
import type { Store } from "@dunlin/engines/store";
import { ConfigError, describeOptions, loadConfig, runServices, type Service, startMetricsServer } from "@dunlin/runtime";
import { brokerOptions } from "./config.js";
import type { BrokerContext, GatewayContext } from "./context.js";
import type { IngestContext } from "./ingest/ingest.js";
import { createBrokerService } from "./service.js";

const options = { ...hostOptions, ...domainOptions, ...brokerOptions };

const run = async (): Promise<void> => {
  const config = loadConfig(options, process.env);
  const roles = new Set(config.IM_BROKER_ROLES);
  const host = await openHost({
    service: "broker",
    config,
    // Each role opens what it works with and no more: the gateway has no business with the store.
    needs: ["registry", "cache", "queue", ...(roles.has("ingest") ? (["store"] as const) : [])],
  });
  const { engines, logger, metrics, health, clock } = host;
  metrics.collectDefaults();
  const shared = { config, logger, metrics, health, clock, queue: engines.queue, cache: engines.cache, registry: engines.registry };

  const openGateway = async (): Promise<GatewayContext> => {
    const embedded = config.IM_ETCD_URL === undefined;
    const key = await signingKey(config.IM_AUTH_KEY, embedded, config.IM_DATA_DIR);
    const lease = await engines.registry.leaseSlot(`broker@${config.IM_HOST}:${config.IM_WS_PORT}`);
    // Somebody else has the slot: whatever this process delivers now is theirs to deliver.
    lease.onLost(() => process.kill(process.pid, "SIGTERM"));
    return { ...shared, lease, tokens: new Tokens(key, config.IM_ACCESS_TTL_S, clock) };
  };

  const openIngest = async (): Promise<IngestContext> => {
    const { store } = engines as typeof engines & { store: Store };
    await store.migrate();
    return { ...shared, store, rules: { groupMembersMax: config.IM_GROUP_MEMBERS_MAX }, partitions: config.IM_QUEUE_PARTITIONS };
  };

  let context: BrokerContext;
  try {
    context = {
      ...(roles.has("ingest") ? { ingest: await openIngest() } : {}),
      ...(roles.has("gateway") ? { gateway: await openGateway() } : {}),
    };
  } catch (error) {
    await host.close();
    throw error;
  }

  let closeMetrics = async (): Promise<void> => {};
  const operators: Service = {
    name: "metrics",
    start: async () => {
      const server = await startMetricsServer({ host: config.IM_HOST, port: config.IM_METRICS_PORT, metrics, health });
      closeMetrics = server.close;
    },
    drain: async () => {},
    stop: () => closeMetrics(),
  };
  await runServices({
    services: [operators, createBrokerService(context)],
    close: async () => {
      await context.gateway?.lease.close();
      await host.close();
    },
    logger,
    drainDeadlineMs: config.IM_DRAIN_S * 1000,
  });
};

if (process.argv.includes("--help")) {
  process.stdout.write(`brokersvc: holds WebSockets (gateway), writes accepted commands (ingest)\n\n${describeOptions(options)}\n`);
} else {
  run().catch((error: unknown) => {
    const text = error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${text}\n`);
    process.exit(1);
  });
}
