import { domainOptions, durableTopics, openIdentity } from "@dunlin/domain";
import { hostOptions, runMain } from "@dunlin/engines/host";
import { apiOptions } from "./config.js";
import { createApiService } from "./service.js";

const options = { ...hostOptions, ...domainOptions, ...apiOptions };

await runMain({
  service: "api",
  about: "apisvc: every operation of clients over HTTP.",
  options,
  env: process.env,
  args: process.argv.slice(2),
  needs: () => ["registry", "cache", "store", "queue", "blobs"],
  compose: async (host, config) => {
    const { logger, metrics, health, clock } = host;
    const { registry, cache, store, queue, blobs } = host.engines;
    await store.migrate();
    await queue.ensureTopics(durableTopics(config.IM_QUEUE_PARTITIONS));
    const { lease, snowflakes, tokens, close } = await openIdentity({
      registry,
      clock,
      config,
      owner: `api@${config.IM_HOST}:${config.IM_API_PORT}`,
      onSlotLost: () => {
        logger.fatal("another process has this one's slot");
        process.kill(process.pid, "SIGTERM");
      },
    });
    const service = createApiService({
      config,
      logger,
      metrics,
      health,
      clock,
      queue,
      store,
      cache,
      registry,
      blobs,
      lease,
      tokens,
      snowflakes,
    });
    return { services: [service], close };
  },
});
