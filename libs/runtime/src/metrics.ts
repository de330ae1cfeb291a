import { createServer, type Server } from "node:http";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Health } from "./health.js";

const LATENCY_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Creates metrics on one registry; asking for a name again gives the same metric, so services in one process share. */
export class Metrics {
  readonly registry = new Registry();

  /** Process, garbage-collector and event-loop-lag metrics. */
  collectDefaults(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return (
      (this.registry.getSingleMetric(name) as Counter<L> | undefined) ??
      new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] })
    );
  }

  gauge<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return (
      (this.registry.getSingleMetric(name) as Gauge<L> | undefined) ??
      new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] })
    );
  }

  histogram<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: number[] = LATENCY_BUCKETS_S,
  ): Histogram<L> {
    return (
      (this.registry.getSingleMetric(name) as Histogram<L> | undefined) ??
      new Histogram({ name, help, labelNames: [...labelNames], buckets, registers: [this.registry] })
    );
  }
}

export interface MetricsServerOptions {
  host: string;
  port: number;
  metrics: Metrics;
  health: Health;
}

/** Serves /metrics, /healthz and /readyz for operators, on a port of its own. Resolves to the bound port and a close. */
export const startMetricsServer = async ({
  host,
  port,
  metrics,
  health,
}: MetricsServerOptions): Promise<{ port: number; close: () => Promise<void> }> => {
  const server: Server = createServer((req, res) => {
    const answer = (status: number, type: string, body: string): void => {
      res.writeHead(status, { "content-type": type }).end(body);
    };
    const serve = async (): Promise<void> => {
      if (req.url === "/metrics") answer(200, metrics.registry.contentType, await metrics.registry.metrics());
      else if (req.url === "/healthz") answer(200, "application/json", '{"alive":true}');
      else if (req.url === "/readyz") {
        const report = await health.report();
        answer(report.ready ? 200 : 503, "application/json", JSON.stringify(report));
      } else answer(404, "text/plain", "not found\n");
    };
    serve().catch(() => answer(500, "text/plain", "metrics failed\n"));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
