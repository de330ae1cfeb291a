import { type Host, metricsService, openHost } from "@dunlin/engines/host";
import { type Clock, Closer, type Logger, loadConfig } from "@dunlin/runtime";
import { composeSuite, type SuiteConfig, suiteOptions } from "./compose.js";

/** A whole Dunlin in this process, for tests and tools. */
export interface Suite {
  readonly config: SuiteConfig;
  readonly host: Host;
  /** http://host:port */
  readonly apiUrl: string;
  /** ws://host:port/ws, one for each port */
  readonly wsUrls: readonly string[];
  /** host:port */
  readonly grpcAddress: string;
  /** http://host:port, with /metrics, /healthz and /readyz */
  readonly metricsUrl: string;
  /** Drains and stops everything. Idempotent. */
  stop(): Promise<void>;
}

export interface StartSuiteOptions {
  /** Settings as the environment would give them; ports that are not given are any free ones. */
  readonly env: Readonly<Record<string, string>>;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** Starts the five services through their normal constructors. A failed start leaves nothing open. @throws ConfigError */
export const startSuite = async ({ env, logger, clock }: StartSuiteOptions): Promise<Suite> => {
  const anyPort = { IM_API_PORT: "0", IM_WS_PORT: "0", IM_GRPC_PORT: "0", IM_METRICS_PORT: "0" };
  const config = loadConfig(suiteOptions, { ...anyPort, ...env });
  const host = await openHost({
    service: "dunlin",
    config,
    needs: ["registry", "cache", "store", "queue", "blobs"],
    ...(logger ? { logger } : {}),
    ...(clock ? { clock } : {}),
  });
  const closer = new Closer();
  closer.add("engines", () => host.close());
  try {
    const composition = await composeSuite(host, config, () => host.logger.fatal("another process has this one's slot"));
    closer.add("identity", composition.close);
    const metrics = metricsService(host);
    const services = [metrics, ...composition.services];
    for (const service of services) {
      closer.add(service.name, () => service.stop());
      await service.start();
    }
    const address = (port: number): string => `${config.IM_HOST}:${port}`;
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      for (const service of services.toReversed()) {
        await service.drain().catch((error: unknown) => host.logger.error({ err: error, part: service.name }, "drain failed"));
      }
      await closer.close();
    };
    return {
      config,
      host,
      apiUrl: `http://${address(composition.api.port)}`,
      wsUrls: composition.broker.wsPorts.map((port) => `ws://${address(port)}/ws`),
      grpcAddress: address(composition.sys.port),
      metricsUrl: `http://${address(metrics.port)}`,
      stop: () => {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    await closer.close();
    throw error;
  }
};
