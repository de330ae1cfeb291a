import { hostOptions, openHost } from "@dunlin/engines/host";
import { ConfigError, describeOptions, loadConfig, runServices, type Service, startMetricsServer } from "@dunlin/runtime";
import { cronOptions } from "./config.js";
import { createCronService } from "./service.js";

const options = { ...hostOptions, ...cronOptions };

const open = async () => {
  const config = loadConfig(options, process.env);
  const host = await openHost({ service: "cron", config, needs: ["registry", "store"] });
  const { engines, logger, metrics, health, clock } = host;
  try {
    await engines.store.migrate();
  } catch (error) {
    await host.close();
    throw error;
  }
  const service = createCronService({ config, logger, metrics, health, clock, store: engines.store, registry: engines.registry });
  return { config, host, service };
};

const serve = async (): Promise<void> => {
  const { config, host, service } = await open();
  const { logger, metrics, health } = host;
  metrics.collectDefaults();
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
    services: [operators, service],
    close: () => host.close(),
    logger,
    drainDeadlineMs: config.IM_DRAIN_S * 1000,
  });
};

const runOne = async (job: string): Promise<void> => {
  const { host, service } = await open();
  try {
    const rows = await service.runNow(job);
    process.stdout.write(`${job}: ${rows} rows removed\n`);
  } finally {
    await host.close();
  }
};

const [flag, value] = process.argv.slice(2);
if (flag === "--help") {
  const usage = "cronsvc: clean-up on a schedule\n\n  --run <job>  does one job now and ends (sessions, updates)\n";
  process.stdout.write(`${usage}\n${describeOptions(options)}\n`);
} else {
  (flag === "--run" ? runOne(value ?? "") : serve()).catch((error: unknown) => {
    const text = error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${text}\n`);
    process.exit(1);
  });
}
