import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClientState } from "@dunlin/client";

/** One device's login and place in the update log, readable by its owner only. */
export class StateFile {
  readonly #path: string;

  constructor(
    private readonly dir: string,
    server: string,
    account: string,
    device: string,
  ) {
    this.#path = join(dir, `${new URL(server).host.replace(/[^a-zA-Z0-9.-]/g, "_")}.${account}.${device}.json`);
  }

  /** Undefined when there is none, or none that can be read: then a login makes a new one. */
  load(): ClientState | undefined {
    try {
      const state = JSON.parse(readFileSync(this.#path, "utf8")) as ClientState;
      return typeof state.device_id === "string" ? state : undefined;
    } catch {
      return undefined;
    }
  }

  /** All or nothing: a crash leaves the old state. Synchronous, so that a rotated refresh token is never lost to an exit. */
  save(state: ClientState): void {
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    const next = `${this.#path}.${process.pid}.tmp`;
    writeFileSync(next, JSON.stringify(state), { mode: 0o600 });
    renameSync(next, this.#path);
  }
}
