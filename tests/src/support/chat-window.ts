import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.js";

const PROGRAM = fileURLToPath(new URL("../../../apps/chat/dist/main.js", import.meta.url));

/** The terminal client in a process of its own, its keyboard and screen being pipes. */
export class ChatWindow {
  #screen = "";
  readonly #child: ChildProcess;

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#screen += chunk.toString("utf8");
      });
    }
  }

  /** Everything printed so far. */
  get screen(): string {
    return this.#screen;
  }

  type(...lines: string[]): void {
    for (const line of lines) this.#child.stdin?.write(`${line}\n`);
  }

  async shows(text: string): Promise<void> {
    try {
      await eventually(text, () => this.#screen.includes(text));
    } catch {
      throw new Error(`the window never showed ${JSON.stringify(text)}, but:\n${this.#screen}`);
    }
  }

  /** Ends the input and waits. @returns the exit code */
  async leave(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.stdin?.end();
      await ended;
    }
    return this.#child.exitCode;
  }
}
