import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { eventually } from "../testing/eventually.js";

/** Whether this machine can start a Redis of a test's own. */
export const hasRedisServer = spawnSync("redis-server", ["--version"]).status === 0;

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
};

/** A Redis of a test's own, to be emptied, stopped and killed; it persists nothing. */
export class RedisProcess {
  #child: ChildProcess | undefined;
  #control: Redis | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(): Promise<RedisProcess> {
    const redis = new RedisProcess(await freePort(), mkdtempSync(join(tmpdir(), "dunlin-redis-")));
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const args = ["--port", String(this.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", this.folder];
    this.#child = spawn("redis-server", args, { stdio: "ignore" });
    await eventually(() => this.command("PING"));
  }

  /** Sends one command on a connection that only tests use; CLIENT KILL spares it. */
  async command(name: string, ...args: string[]): Promise<unknown> {
    if (this.#control?.status !== "ready") {
      this.#control?.disconnect();
      this.#control = new Redis(this.url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
      this.#control.on("error", () => {});
      await this.#control.connect();
    }
    return await this.#control.call(name, ...args);
  }

  /** SIGSTOP and SIGCONT. */
  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(name);
  }

  async kill(): Promise<void> {
    this.#control?.disconnect();
    this.#control = undefined;
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
