import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sleep } from "@dunlin/runtime";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const READY_MS = 90_000;
const EXIT_MS = 45_000;
const TAIL_CHARS = 2_000;

export interface ProcessOptions {
  /** For messages and the log file, e.g. "api 1". */
  readonly name: string;
  /** The entry point, below the repository's root. */
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
  readonly metricsPort: number;
  readonly logDir: string;
  /** Flags for Node, e.g. the loader that applies a mutation. */
  readonly flags?: readonly string[];
}

/** A process of the system under test, with ports that stay the same so that it can be killed and started again. */
export class TestedProcess {
  #child: ChildProcess | undefined;
  readonly #log: WriteStream;

  constructor(private readonly options: ProcessOptions) {
    this.#log = createWriteStream(join(options.logDir, `${options.name.replaceAll(" ", "-")}.log`), { flags: "a" });
  }

  get name(): string {
    return this.options.name;
  }

  get pid(): number | undefined {
    return this.running ? this.#child?.pid : undefined;
  }

  get logFile(): string {
    return String(this.#log.path);
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it and waits until it is ready. @throws Error when it ends instead. */
  async start(): Promise<void> {
    const { main, env, metricsPort, name, flags = [] } = this.options;
    const child = spawn(process.execPath, [...flags, join(ROOT, main)], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", ...env, IM_METRICS_PORT: String(metricsPort) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stdout.pipe(this.#log, { end: false });
    child.stderr.pipe(this.#log, { end: false });
    const deadline = Date.now() + READY_MS;
    while (!(await this.ready())) {
      if (!this.running) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}; ${await this.#tail()}`);
      if (Date.now() > deadline) throw new Error(`${name} is not ready; ${await this.#tail()}`);
      await sleep(50);
    }
  }

  async #tail(): Promise<string> {
    // What it wrote last may still be on its way through the pipe.
    await sleep(200);
    const text = await readFile(this.logFile, "utf8").catch(() => "");
    return `${this.logFile} ends with\n${text.slice(-TAIL_CHARS)}`;
  }

  async ready(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.options.metricsPort}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
    } catch {
      return false;
    }
  }

  /** The sum of a metric over its labels; 0 when it is not there. */
  async metric(name: string): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${this.options.metricsPort}/metrics`, { signal: AbortSignal.timeout(5_000) });
    let sum = 0;
    for (const line of (await answer.text()).split("\n")) {
      if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(" ") + 1));
    }
    return sum;
  }

  /** Sends a signal; after SIGKILL resolves when it is gone. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || !this.running) throw new Error(`${this.name} does not run`);
    const gone = signal === "SIGKILL" ? once(child, "exit") : undefined;
    child.kill(signal);
    await gone;
  }

  /** SIGTERM, and SIGKILL when that does not end it. @returns the exit code, null when it had to be killed. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child && this.running) {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await Promise.race([gone, sleep(EXIT_MS)]);
      if (this.running) {
        child.kill("SIGKILL");
        await gone;
      }
    }
    return child?.exitCode ?? null;
  }

  close(): void {
    this.#log.end();
  }
}
