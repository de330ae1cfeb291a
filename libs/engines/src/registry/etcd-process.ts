import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../testing/eventually.js";

const PROGRAM = "etcd";

/** Whether this machine can start an etcd of a test's own. */
export const hasEtcd = spawnSync(PROGRAM, ["--version"]).status === 0;

const listen = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
};

/** An etcd of a test's own, to be stopped, killed and wiped. */
export class EtcdProcess {
  #child: ChildProcess | undefined;
  #folder = "";

  private constructor(
    readonly port: number,
    private readonly peerPort: number,
  ) {}

  static async start(): Promise<EtcdProcess> {
    const etcd = new EtcdProcess(await freePort(), await freePort());
    await etcd.start();
    return etcd;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it on the data it had, or with none. */
  async start(): Promise<void> {
    this.#folder ||= mkdtempSync(join(tmpdir(), "dunlin-etcd-"));
    const peer = `http://127.0.0.1:${this.peerPort}`;
    const args = ["--name", "test", "--data-dir", this.#folder, "--listen-client-urls", this.url, "--advertise-client-urls", this.url];
    const peers = ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `test=${peer}`];
    this.#child = spawn(PROGRAM, [...args, ...peers, "--log-level", "fatal"], {
      stdio: "ignore",
    });
    await eventually(async () => {
      const answer = await fetch(`${this.url}/health`);
      if (!answer.ok) throw new Error("etcd is not healthy yet");
    }, 20_000);
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(name);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** Removes the data of the killed process. */
  wipe(): void {
    if (this.#folder !== "") rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = "";
  }

  async close(): Promise<void> {
    await this.kill();
    this.wipe();
  }
}

/** A wire to a server that can be cut: connections break, and new ones are refused, until it is healed. */
export class Wire {
  readonly #sockets = new Set<Socket>();
  #cut = false;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async to(target: string): Promise<Wire> {
    const { hostname, port } = new URL(target);
    const server = createServer((near) => {
      if (wire.#cut) {
        near.destroy();
        return;
      }
      const far = connect(Number(port), hostname);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        wire.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          wire.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    const wire: Wire = new Wire(server, `http://127.0.0.1:${await listen(server)}`);
    return wire;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#cut = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, "close");
  }
}
