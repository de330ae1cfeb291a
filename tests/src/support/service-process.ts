import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.js";
import type { Settings } from "./settings.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const READY_MS = 60_000;
const EXIT_MS = 40_000;
const OUTPUT_MAX = 20_000;

export type ServiceName = "api" | "broker" | "cron" | "pn" | "sys";

/** One service in a process of its own, started as an operator starts it. */
export class ServiceProcess {
  #output = "";
  readonly #child: ChildProcess;

  constructor(
    readonly name: ServiceName,
    settings: Settings,
    private readonly metricsPort: number,
  ) {
    this.#child = spawn(process.execPath, [`services/${name}/dist/main.js`], {
      cwd: ROOT,
      // Only these settings: whatever the tests were started with stays outside.
      env: { PATH: process.env["PATH"] ?? "", ...settings, IM_METRICS_PORT: String(metricsPort) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString("utf8")).slice(-OUTPUT_MAX);
      });
    }
  }

  /** Waits for /readyz. @throws Error with what the process has printed. */
  async ready(): Promise<void> {
    await eventually(
      `${this.name} ready; it printed:\n${this.#output}`,
      async () => {
        if (this.#ended) throw new Error(`${this.name} ended with ${this.#child.exitCode}:\n${this.#output}`);
        try {
          return (await fetch(`http://127.0.0.1:${this.metricsPort}/readyz`)).ok;
        } catch {
          return false;
        }
      },
      READY_MS,
    );
  }

  /** SIGTERM, and the wait for an orderly end. @throws Error when the exit code is not 0 or it takes too long. */
  async stop(): Promise<void> {
    if (!this.#ended) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      const killer = setTimeout(() => this.#child.kill("SIGKILL"), EXIT_MS);
      await ended;
      clearTimeout(killer);
    }
    if (this.#child.exitCode !== 0) {
      throw new Error(`${this.name} ended with ${this.#child.exitCode ?? this.#child.signalCode}:\n${this.#output}`);
    }
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}
