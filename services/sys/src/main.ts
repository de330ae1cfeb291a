import { domainOptions, Snowflakes, signingKey, Tokens } from "@dunlin/domain";
import { hostOptions, openHost } from "@dunlin/engines/host";
import { ConfigError, describeOptions, loadConfig, runServices, type Service, startMetricsServer } from "@dunlin/runtime";
import { sysOptions } from "./config.js";
import type { SysContext } from "./context.js";
import { createSysService } from "./service.js";

const options = { ...hostOptions, ...domainOptions, ...sysOptions };

const run = async (): Promise<void> => {
  const config = loadConfig(options, process.env);
  const host = await openHost({ service: "sys", config, needs: ["registry", "cache", "store", "queue"] });
  const { engines, logger, metrics, health, clock } = host;
  metrics.collectDefaults();

  const openContext = async (): Promise<{ context: SysContext; closeLease: () => Promise<void> }> => {
    await engines.store.migrate();
    const key = await signingKey(config.IM_AUTH_KEY, config.IM_ETCD_URL === undefined, config.IM_DATA_DIR);
    const lease = await engines.registry.leaseSlot(`sys@${config.IM_HOST}:${config.IM_GRPC_PORT}`);
    // Somebody else has the slot: no more ids may be made here.
    lease.onLost(() => process.kill(process.pid, "SIGTERM"));
    const { queue, store, cache, registry } = engines;
    const tokens = new Tokens(key, config.IM_ACCESS_TTL_S, clock);
    const snowflakes = new Snowflakes(lease, clock);
    const slot = lease.slot;
    const context = { config, logger, metrics, health, clock, queue, store, cache, registry, tokens, slot, snowflakes };
    return { context, closeLease: () => lease.close() };
  };

  let opened: Awaited<ReturnType<typeof openContext>>;
  try {
    opened = await openContext();
  } catch (error) {
    await host.close();
    throw error;
  }

  let closeMetrics = async (): Promise<void> => {};
  const operators: Service = {
    name: "metrics",
    start: async () => {
      const bound = await startMetricsServer({ host: config.IM_HOST, port: config.IM_METRICS_PORT, metrics, health });
      closeMetrics = bound.close;
    },
    drain: async () => {},
    stop: () => closeMetrics(),
  };
  await runServices({
    services: [operators, createSysService(opened.context)],
    close: async () => {
      await opened.closeLease();
      await host.close();
    },
    logger,
    drainDeadlineMs: config.IM_DRAIN_S * 1000,
  });
};

if (process.argv.includes("--help")) {
  process.stdout.write(`syssvc: the internal gRPC interface\n\n${describeOptions(options)}\n`);
} else {
  run().catch((error: unknown) => {
    const text = error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${text}\n`);
    process.exit(1);
  });
}
