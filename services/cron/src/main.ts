import { Snowflakes } from "@dunlin/domain";
import { hostOptions, openHost, runMain } from "@dunlin/engines/host";
import { ConfigError, loadConfig } from "@dunlin/runtime";
import { cronOptions } from "./config.js";
import { createCronService, runJobNow } from "./service.js";

const options = { ...hostOptions, ...cronOptions };
const args = process.argv.slice(2);

/** Throws the search index away; a running cronsvc fills it again. */
const REINDEX = "search-rebuild";

/** Does one job by hand. */
const runOne = async (job: string): Promise<void> => {
  const config = loadConfig(options, process.env);
  const host = await openHost({ service: "cron", config, needs: ["registry", "store", "blobs"] });
  try {
    await host.engines.store.migrate();
    if (job === REINDEX) {
      await host.engines.store.search.reset();
      process.stdout.write("the search index is empty; cronsvc fills it again\n");
      return;
    }
    const rows = await runJobNow({ ...host, ...host.engines, config }, job, new AbortController().signal);
    process.stdout.write(`${job}: ${rows} rows removed\n`);
  } finally {
    await host.close();
  }
};

if (args[0] === "--run") {
  await runOne(args[1] ?? "").catch((error: unknown) => {
    const text = error instanceof ConfigError || !(error instanceof Error) ? String(error) : error.message;
    process.stderr.write(`${text}\n`);
    process.exitCode = 1;
  });
} else {
  await runMain({
    service: "cron",
    about: `cronsvc: sends scheduled messages, cleans up on a schedule, keeps the search index. With --run <job> it does one job now and ends: sessions, email-codes, updates, join-requests, scheduled, files or ${REINDEX}.`,
    options,
    env: process.env,
    args,
    needs: () => ["registry", "cache", "store", "queue", "blobs"],
    compose: async ({ logger, metrics, health, clock, engines }, config) => {
      await engines.store.migrate();
      const lease = await engines.registry.leaseSlot(`cron@${config.IM_HOST}:${config.IM_METRICS_PORT}`);
      // Ids of messages made under it might be given again.
      lease.onLost(() => process.kill(process.pid, "SIGTERM"));
      const snowflakes = new Snowflakes(lease, clock);
      const service = createCronService({ config, logger, metrics, health, clock, ...engines, snowflakes });
      return { services: [service], close: () => lease.close() };
    },
  });
}
