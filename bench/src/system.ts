import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { domainOptions, newId, Tokens } from "@dunlin/domain";
import { hostOptions, openHost } from "@dunlin/engines/host";
import type { Store } from "@dunlin/engines/store";
import { createDatabase } from "@dunlin/engines/testing";
import { createLogger, loadConfig, sleep, systemClock } from "@dunlin/runtime";
import { engineUrls, root } from "./engines.js";
import { collect, type MemoryUse } from "./inspector.js";

export type Engines = "embedded" | "cluster";
/** one: all five services in one process; split: each its own. */
export type Shape = "one" | "split";

export interface BenchUser {
  readonly id: string;
  readonly token: string;
}

/** A running Dunlin, started for a measurement from the built files, and its users. */
export interface System {
  readonly apiUrl: string;
  /** Of the first broker. */
  readonly wsUrl: string;
  /** Of each broker. */
  readonly wsUrls: readonly string[];
  readonly users: readonly BenchUser[];
  /** CPU seconds that each server process has used so far. */
  cpu(): Promise<Record<string, number>>;
  /** Resident bytes of each server process. */
  memory(): Promise<Record<string, number>>;
  /** Makes one server process collect all its garbage; what it uses then. */
  collected(name: string): Promise<MemoryUse>;
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

export interface SystemOptions {
  readonly engines: Engines;
  readonly shape: Shape;
  readonly users: number;
  /** With split: processes of brokersvc, default 1; named broker, broker2 … */
  readonly brokers?: number;
  /** More settings for the services. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the store and the users before the services start. */
  readonly prepare?: (store: Store, users: readonly BenchUser[]) => Promise<void>;
}

const READY_MS = 60_000;
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  });

/** Users with open sessions, written straight into the store: a thousand argon2 hashes would measure argon2. */
const createUsers = async (env: Record<string, string>, { users: count, prepare }: SystemOptions): Promise<BenchUser[]> => {
  const config = loadConfig({ ...hostOptions, ...domainOptions }, env);
  const host = await openHost({ service: "bench", config, needs: ["store"], logger: createLogger({ service: "bench", level: "warn" }) });
  try {
    const { store } = host.engines;
    await store.migrate();
    const tokens = new Tokens(Buffer.from(env["IM_AUTH_KEY"] as string), config.IM_ACCESS_TTL_S, systemClock);
    const users: BenchUser[] = [];
    const create = async (n: number): Promise<void> => {
      const id = newId("U");
      const now = Date.now();
      const session = randomBytes(15).toString("base64url");
      await store.users.create({ id, account: `bench${n}-${id}`, passwordHash: "-", nickname: `bench ${n}`, avatar: "", createdAt: now });
      await store.sessions.open({
        id: session,
        userId: id,
        deviceId: "bench",
        platform: "bench",
        refreshHash: "-",
        createdAt: now,
        lastUsedAt: now,
        expiresAt: now + 86_400_000,
        revokedAt: null,
      });
      users.push({ id, token: await tokens.issueAccess({ userId: id, sessionId: session, deviceId: "bench", platform: "bench" }) });
    };
    for (let n = 0; n < count; n += 50) {
      await Promise.all(Array.from({ length: Math.min(50, count - n) }, (_, i) => create(n + i)));
    }
    await prepare?.(store, users);
    return users;
  } finally {
    await host.close();
  }
};

const cpuSeconds = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

const residentBytes = async (pid: number): Promise<number> => {
  const match = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "latin1"));
  return Number(match?.[1] ?? 0) * 1024;
};

export const startSystem = async (options: SystemOptions): Promise<System> => {
  const dir = await mkdtemp(join(tmpdir(), "dunlin-bench-"));
  const ports = { api: await freePort(), ws: await freePort(), grpc: await freePort() };
  const env: Record<string, string> = {
    IM_DATA_DIR: dir,
    IM_AUTH_KEY: randomBytes(48).toString("base64"),
    IM_ACCESS_TTL_S: "86400",
    IM_LOG_LEVEL: "warn",
    IM_API_PORT: String(ports.api),
    IM_WS_PORT: String(ports.ws),
    IM_GRPC_PORT: String(ports.grpc),
    IM_NAMESPACE: `bench${randomBytes(4).toString("hex")}`,
    ...options.env,
  };
  let dropDatabase = async (): Promise<void> => {};
  if (options.engines === "cluster") {
    const urls = await engineUrls(process.env);
    Object.assign(env, urls);
    const scratch = await createDatabase(urls["IM_STORE_URL"] as string);
    env["IM_STORE_URL"] = scratch.url;
    dropDatabase = () => scratch.drop();
  }
  const users = await createUsers(env, options);
  const mains: { name: string; main: string; wsPort?: number }[] = [];
  if (options.shape === "one") mains.push({ name: "dunlin", main: "libs/suite/dist/main.js" });
  else for (const name of ["sys", "broker", "api", "pn", "cron"]) mains.push({ name, main: `services/${name}/dist/main.js` });
  const wsPorts = [ports.ws];
  for (let more = 2; options.shape === "split" && more <= (options.brokers ?? 1); more++) {
    const wsPort = await freePort();
    wsPorts.push(wsPort);
    mains.push({ name: `broker${more}`, main: "services/broker/dist/main.js", wsPort });
  }
  const children = new Map<string, { child: ChildProcess; metrics: number; inspector: number }>();
  const stop = async (): Promise<void> => {
    for (const { child } of children.values()) {
      if (child.exitCode !== null) continue;
      child.kill("SIGTERM");
      await Promise.race([new Promise((resolve) => child.once("exit", resolve)), sleep(20_000)]);
      if (child.exitCode === null) child.kill("SIGKILL");
    }
    await dropDatabase();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    for (const { name, main, wsPort } of mains) {
      const metrics = await freePort();
      const inspector = await freePort();
      const child = spawn(process.execPath, [`--inspect-port=${inspector}`, ...nodeFlags(name), join(root, main)], {
        env: {
          PATH: process.env["PATH"] ?? "",
          NODE_ENV: "production",
          ...env,
          IM_METRICS_PORT: String(metrics),
          ...(wsPort !== undefined && { IM_WS_PORT: String(wsPort) }),
        },
        stdio: ["ignore", "ignore", "inherit"],
        cwd: profileDir() ?? dir,
      });
      children.set(name, { child, metrics, inspector });
      await ready(name, child, metrics);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const each = async (measure: (pid: number) => Promise<number>): Promise<Record<string, number>> => {
    const result: Record<string, number> = {};
    for (const [name, { child }] of children) result[name] = await measure(child.pid as number);
    return result;
  };
  return {
    apiUrl: `http://127.0.0.1:${ports.api}`,
    wsUrl: `ws://127.0.0.1:${ports.ws}/ws`,
    wsUrls: wsPorts.map((port) => `ws://127.0.0.1:${port}/ws`),
    users,
    cpu: () => each(cpuSeconds),
    memory: () => each(residentBytes),
    collected: (name) => {
      const process = children.get(name);
      if (process === undefined) throw new Error(`no process ${name}`);
      return collect(process.child.pid as number, process.inspector);
    },
    metric: async (name) => {
      let sum = 0;
      for (const { metrics } of children.values()) {
        const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
        for (const line of text.split("\n"))
          if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.split(" ").at(-1));
      }
      return sum;
    },
    stop,
  };
};

/** BENCH_PROFILE=<folder> writes a CPU profile of each server process there; BENCH_NODE_FLAGS are given to each. */
const profileDir = (): string | undefined => process.env["BENCH_PROFILE"];
const nodeFlags = (name: string): string[] => {
  const folder = profileDir();
  const given = process.env["BENCH_NODE_FLAGS"]?.split(" ") ?? [];
  return folder ? ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}.cpuprofile`, ...given] : given;
};

const ready = async (name: string, child: ChildProcess, port: number): Promise<void> => {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (response?.status === 200) return;
    if (Date.now() > deadline) throw new Error(`${name} is not ready: ${response ? await response.text() : "no answer"}`);
    await sleep(100);
  }
};
