import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Closer, sleep } from "@dunlin/runtime";
import { etcd } from "../../../scripts/engines/etcd.mjs";
import { ensureJars, kafka } from "../../../scripts/engines/kafka.mjs";
import { mariadb } from "../../../scripts/engines/mariadb.mjs";
import type { Engine, EngineHandle } from "../../../scripts/engines/process.mjs";
import { redis } from "../../../scripts/engines/redis.mjs";
import { TestedProcess } from "./process.js";
import { stablePorts } from "./stable-ports.js";

/** Seconds; small, so that what waits for a lease to run out is seen in a test. */
export const LEASE_TTL_S = 5;
const COPIES = [1, 2] as const;

const engines = { kafka, redis, mariadb, etcd } as const satisfies Record<string, Engine>;
export type EngineName = keyof typeof engines;
const services = ["sys", "gateway", "ingest", "api", "pn", "cron"] as const;
export type ServiceName = (typeof services)[number];

/** A part of the system that can be killed with -9 and started again. */
export interface Victim {
  readonly name: string;
  readonly pid: number | undefined;
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again, with its data or without; resolves when it serves. */
  restart(wipe: boolean): Promise<void>;
}

/** Every service its own process, two of each, on engines of its own: what a deployment has, on one machine. */
export class ClusterSystem {
  readonly apiUrls: string[] = [];
  readonly wsUrls: string[] = [];
  readonly grpcAddresses: string[] = [];
  readonly authKey = randomBytes(48).toString("base64");
  readonly processes: TestedProcess[] = [];
  readonly #engines = new Map<EngineName, EngineHandle>();
  readonly #starting = new Set<Promise<void>>();
  #closed = false;

  private constructor(private readonly dir: string) {}

  /** @throws Error when a part does not start; whatever had started is ended. */
  static async start(dir: string, flags: readonly string[]): Promise<ClusterSystem> {
    const system = new ClusterSystem(dir);
    process.on("exit", system.#endAll);
    try {
      await system.#startEngines();
      await system.#startServices(flags);
      return system;
    } catch (error) {
      await system.close();
      throw error;
    }
  }

  service(name: ServiceName, copy: 1 | 2 = 1): TestedProcess {
    return this.processes.find((candidate) => candidate.name === `${name} ${copy}`) as TestedProcess;
  }

  victim(name: ServiceName | EngineName): Victim {
    const engine = this.#engines.get(name as EngineName);
    if (engine) {
      return {
        name,
        get pid() {
          return engine.pid;
        },
        kill: () => engine.kill("SIGKILL"),
        restart: (wipe) => this.#begin(() => engine.restart({ wipe })),
      };
    }
    const service = this.service(name as ServiceName);
    return {
      name: service.name,
      get pid() {
        return service.pid;
      },
      kill: () => service.signal("SIGKILL"),
      restart: () => this.#begin(() => service.start()),
    };
  }

  /** Waits until every service says it is ready. @throws Error naming those that are not. */
  async untilReady(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    for (;;) {
      const ready = await Promise.all(this.processes.map((service) => service.ready()));
      if (ready.every(Boolean)) return;
      if (Date.now() > deadline) {
        const missing = this.processes.filter((_, index) => !ready[index]).map((service) => service.name);
        throw new Error(`not ready after ${ms} ms: ${missing.join(", ")}`);
      }
      await sleep(100);
    }
  }

  /** Ends everything it has started. `orderly`: by SIGTERM. @returns the services that did not end with code 0 then. */
  async close(orderly = false): Promise<string[]> {
    this.#closed = true;
    const failed: string[] = [];
    const closer = new Closer();
    for (const [name, engine] of this.#engines) closer.add(name, () => engine.stop());
    closer.add("services", async () => {
      if (!orderly) await Promise.all(this.processes.map((service) => (service.running ? service.signal("SIGKILL") : undefined)));
      await Promise.allSettled(this.#starting);
      await Promise.all(
        this.processes.map(async (service) => {
          if ((await service.stop()) !== 0 && orderly) failed.push(service.name);
          service.close();
        }),
      );
    });
    await closer.close();
    process.off("exit", this.#endAll);
    return failed;
  }

  /** What is under way when all is ended must not start after it. */
  async #begin(start: () => Promise<void>): Promise<void> {
    if (this.#closed) throw new Error("the system is being ended");
    const starting = start();
    this.#starting.add(starting);
    try {
      await starting;
    } finally {
      this.#starting.delete(starting);
    }
  }

  async #startEngines(): Promise<void> {
    ensureJars();
    const names = Object.keys(engines) as EngineName[];
    const ports = await stablePorts(names.length);
    const started = await Promise.allSettled(
      names.map(async (name, index) => {
        const dir = join(this.dir, "engines", name);
        const port = ports[index] as number;
        // Known before it serves: one that does not get that far is ended, too.
        const engine = await engines[name].start({ dir, port }).catch((error: unknown) => {
          const handle = engines[name].attach({ dir });
          if (handle) this.#engines.set(name, handle);
          throw error;
        });
        this.#engines.set(name, engine);
      }),
    );
    for (const result of started) if (result.status === "rejected") throw result.reason;
  }

  async #startServices(flags: readonly string[]): Promise<void> {
    const ports = await stablePorts(COPIES.length * (services.length + 3));
    const port = (): number => ports.pop() as number;
    const shared: Record<string, string> = {
      IM_DATA_DIR: join(this.dir, "data"),
      IM_AUTH_KEY: this.authKey,
      IM_NAMESPACE: `fault${Date.now().toString(36)}`,
      IM_LEASE_TTL_S: String(LEASE_TTL_S),
      IM_ACCESS_TTL_S: "86400",
      IM_LOG_LEVEL: "info",
    };
    for (const engine of this.#engines.values()) shared[engine.setting] = engine.url;
    const settingsOf: Record<ServiceName, () => Record<string, string>> = {
      sys: () => {
        const grpc = port();
        this.grpcAddresses.push(`127.0.0.1:${grpc}`);
        return { IM_GRPC_PORT: String(grpc) };
      },
      gateway: () => {
        const ws = port();
        this.wsUrls.push(`ws://127.0.0.1:${ws}/ws`);
        return { IM_WS_PORT: String(ws), IM_BROKER_ROLES: "gateway" };
      },
      ingest: () => ({ IM_BROKER_ROLES: "ingest" }),
      api: () => {
        const api = port();
        this.apiUrls.push(`http://127.0.0.1:${api}`);
        return { IM_API_PORT: String(api) };
      },
      pn: () => ({}),
      cron: () => ({}),
    };
    for (const name of services) {
      for (const copy of COPIES) {
        this.processes.push(
          new TestedProcess({
            name: `${name} ${copy}`,
            main: `services/${name === "gateway" || name === "ingest" ? "broker" : name}/dist/main.js`,
            metricsPort: port(),
            logDir: this.dir,
            flags,
            env: { ...shared, ...settingsOf[name]() },
          }),
        );
      }
    }
    await Promise.all(this.processes.map((service) => this.#begin(() => service.start())));
  }

  /** The last resort, when this process ends on an error: engines are started so that they would outlive it. */
  #endAll = (): void => {
    const pids = [...this.processes.map((service) => (service.running ? service.pid : undefined))];
    for (const engine of this.#engines.values()) pids.push(engine.pid);
    for (const pid of pids) {
      try {
        if (pid !== undefined) process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  };
}
