import { hostOptions, runMain } from "@dunlin/engines/host";
import { pnOptions } from "./config.js";
import { createLogProvider } from "./log-provider.js";
import { createPnService } from "./service.js";

await runMain({
  service: "pn",
  about: "pnsvc: tells devices that are not connected of their messages",
  options: { ...hostOptions, ...pnOptions },
  env: process.env,
  args: process.argv.slice(2),
  needs: () => ["store", "queue"],
  compose: async ({ logger, metrics, health, clock, engines }, config) => {
    await engines.store.migrate();
    const provider = createLogProvider(logger);
    return { services: [createPnService({ config, logger, metrics, health, clock, ...engines, provider })] };
  },
});
