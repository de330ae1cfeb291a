import { resolve } from "node:path";
import { runMain } from "@dunlin/engines/host";
import { composeSuite, suiteOptions } from "./compose.js";

await runMain({
  service: "dunlin",
  about: "Dunlin in one process: all five services, on embedded engines unless an IM_…_URL says otherwise.",
  options: suiteOptions,
  env: process.env,
  args: process.argv.slice(2),
  needs: () => ["registry", "cache", "store", "queue", "blobs"] as const,
  compose: async (host, config) => {
    const composition = await composeSuite(host, config, () => {
      host.logger.fatal("another process has this one's slot");
      process.kill(process.pid, "SIGTERM");
    });
    return {
      ...composition,
      started: () => {
        const at = (scheme: string, port: number): string => `${scheme}://${config.IM_HOST}:${port}`;
        const { api, broker, sys } = composition;
        const engine = (kind: { engine: string }): string => kind.engine;
        const { queue, store, cache, registry, blobs } = host.engines;
        process.stdout.write(
          [
            "",
            "Dunlin is running.",
            `  HTTP API     ${at("http", api.port)}/v1     (documentation: ${at("http", api.port)}/docs)`,
            ...broker.wsPorts.map((port) => `  WebSocket    ${at("ws", port)}/ws`),
            `  gRPC         ${config.IM_HOST}:${sys.port}`,
            `  operators    ${at("http", config.IM_METRICS_PORT)}/metrics, /healthz, /readyz`,
            `  engines      queue ${engine(queue)}, store ${engine(store)}, cache ${engine(cache)}, registry ${engine(registry)}, blobs ${engine(blobs)}`,
            `  data         ${resolve(config.IM_DATA_DIR)}`,
            "  Talk to it:  npm run chat -- ann      (and in another terminal: npm run chat -- bob)",
            "  Stop it:     Ctrl-C",
            "",
            "",
          ].join("\n"),
        );
      },
    };
  },
});
