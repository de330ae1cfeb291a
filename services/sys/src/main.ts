import { domainOptions, openIdentity } from "@dunlin/domain";
import { hostOptions, runMain } from "@dunlin/engines/host";
import { sysOptions } from "./config.js";
import { createSysService } from "./service.js";

await runMain({
  service: "sys",
  about: "syssvc: the internal gRPC interface",
  options: { ...hostOptions, ...domainOptions, ...sysOptions },
  env: process.env,
  args: process.argv.slice(2),
  needs: () => ["registry", "cache", "store", "queue"],
  compose: async ({ logger, metrics, health, clock, engines }, config) => {
    await engines.store.migrate();
    const identity = await openIdentity({
      registry: engines.registry,
      clock,
      config,
      owner: `sys@${config.IM_HOST}:${config.IM_GRPC_PORT}`,
      onSlotLost: () => process.kill(process.pid, "SIGTERM"),
    });
    const { lease, snowflakes, tokens } = identity;
    const service = createSysService({ config, logger, metrics, health, clock, ...engines, tokens, snowflakes, slot: lease.slot });
    return { services: [service], close: () => identity.close() };
  },
});
