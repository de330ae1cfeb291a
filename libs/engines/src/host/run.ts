import {
  ConfigError,
  type ConfigOf,
  describeOptions,
  loadConfig,
  type OptionTable,
  runServices,
  type Service,
  startMetricsServer,
  unknownSettings,
} from "@dunlin/runtime";
import { type EngineName, type Host, type HostConfig, openHost } from "./host.js";

/** What a process is made of, once its engines are open. */
export interface Composition {
  /** In order of starting; they drain and stop in reverse. */
  readonly services: readonly Service[];
  /** Called when all have started. */
  readonly started?: () => void;
  /** Closes what the composition itself opened; the engines are closed after it. */
  readonly close?: () => Promise<void>;
}

export interface RunMainOptions<T extends OptionTable, K extends EngineName> {
  readonly service: string;
  /** One line for --help. */
  readonly about: string;
  readonly options: T;
  readonly env: NodeJS.ProcessEnv;
  readonly args: readonly string[];
  readonly needs: (config: ConfigOf<T> & HostConfig) => readonly K[];
  readonly compose: (host: Host<K>, config: ConfigOf<T> & HostConfig) => Promise<Composition>;
}

/**
 * A service's whole process: --help, settings (every wrong one named, exit 1), engines, metrics port, start, and drain
 * on SIGTERM. Whatever fails leaves nothing open and exits with 1.
 */
export const runMain = async <T extends OptionTable, K extends EngineName>(main: RunMainOptions<T, K>): Promise<void> => {
  if (main.args.includes("--help")) {
    process.stdout.write(`${main.about}\n\nSettings (environment variables):\n${describeOptions(main.options)}\n`);
    return;
  }
  try {
    const config = loadConfig(main.options, main.env) as ConfigOf<T> & HostConfig;
    const host = await openHost({ service: main.service, config, needs: main.needs(config) });
    for (const name of unknownSettings([main.options], main.env)) host.logger.warn({ setting: name }, "no such setting here");
    host.metrics.collectDefaults();
    let composition: Composition;
    try {
      composition = await main.compose(host, config);
    } catch (error) {
      await host.close();
      throw error;
    }
    host.health.starting();
    await runServices({
      services: [metricsService(host), ...composition.services],
      started: () => {
        host.health.started();
        composition.started?.();
      },
      close: async () => {
        await composition.close?.();
        await host.close();
      },
      logger: host.logger,
      drainDeadlineMs: config.IM_DRAIN_S * 1000,
    });
  } catch (error) {
    const text = error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${text}\n`);
    process.exit(1);
  }
};

/** The operators' port as a service: first to start, last to stop, so that /readyz tells of the drain. */
export const metricsService = ({ config, metrics, health }: Host<never>): Service & { readonly port: number } => {
  let server: { port: number; close(): Promise<void> } | undefined;
  return {
    name: "metrics",
    get port() {
      return server?.port ?? 0;
    },
    start: async () => {
      server = await startMetricsServer({ host: config.IM_HOST, port: config.IM_METRICS_PORT, metrics, health });
    },
    drain: async () => {},
    stop: async () => {
      await server?.close();
    },
  };
};
