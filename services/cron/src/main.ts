import { type Host, hostOptions, openHost, runMain } from "@dunlin/engines/host";
import { ConfigError, loadConfig } from "@dunlin/runtime";
import type { CronConfig } from "./config.js";
import { cronOptions } from "./config.js";
import { type CronService, createCronService } from "./service.js";

const options = { ...hostOptions, ...cronOptions };
const args = process.argv.slice(2);

const compose = async (
  { logger, metrics, health, clock, engines }: Host<"registry" | "store" | "blobs">,
  config: CronConfig,
): Promise<CronService> => {
  await engines.store.migrate();
  return createCronService({ config, logger, metrics, health, clock, ...engines });
};

/** Throws the search index away; a running cronsvc fills it again. */
const REINDEX = "search-rebuild";

/** Does one job by hand. */
const runOne = async (job: string): Promise<void> => {
  const config = loadConfig(options, process.env);
  const host = await openHost({ service: "cron", config, needs: ["registry", "store", "blobs"] });
  try {
    const service = await compose(host, config);
    if (job === REINDEX) {
      await host.engines.store.search.reset();
      process.stdout.write("the search index is empty; cronsvc fills it again\n");
      return;
    }
    process.stdout.write(`${job}: ${await service.runNow(job)} rows removed\n`);
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
    about: `cronsvc: clean-up on a schedule, and the search index. With --run <job> it does one job now and ends: sessions, email-codes, updates, join-requests, files or ${REINDEX}.`,
    options,
    env: process.env,
    args,
    needs: () => ["registry", "store", "blobs"],
    compose: async (host, config) => ({ services: [await compose(host, config)] }),
  });
}
