import { randomUUID } from "node:crypto";
import type { MemberInfo, Registration, Registry } from "@dunlin/engines/registry";
import type { Logger } from "@dunlin/runtime";
import type { GatewayContext } from "../context.js";

export interface AnnouncementDeps {
  readonly config: Pick<GatewayContext["config"], "IM_HOST" | "IM_WS_PUBLIC_URL">;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly slot: number;
  /** Before any connection of this process, ms since 1970. */
  readonly since: number;
  /** Connections open now. */
  readonly load: () => number;
}

/** What the registry knows of this gateway: its addresses, its slot, its load, whether it drains. */
export class Announcement {
  readonly #id = randomUUID();
  #registration: Registration | undefined;
  #ports: readonly number[] = [];
  #load = -1;
  #draining = false;

  constructor(private readonly deps: AnnouncementDeps) {}

  async start(ports: readonly number[]): Promise<void> {
    this.#ports = ports;
    this.#registration = await this.deps.registry.register("gateway", this.#id, this.#info());
  }

  /** Tells the load when it has changed. */
  refresh(): void {
    if (this.#draining || this.#load === this.deps.load()) return;
    this.#registration?.update(this.#info()).catch((error: unknown) => {
      // Told again at the next turn, even if it stays the same until then.
      this.#load = -1;
      this.deps.logger.debug({ err: error }, "the load could not be announced");
    });
  }

  async drain(): Promise<void> {
    this.#draining = true;
    // A registry that is away must not hold up the drain: the registration goes with its lease.
    await this.#registration
      ?.update(this.#info())
      .catch((error: unknown) => this.deps.logger.warn({ err: error }, "could not announce the drain"));
  }

  async close(): Promise<void> {
    await this.#registration?.close();
  }

  #info(): MemberInfo {
    const { config, slot, since, load } = this.deps;
    const urls = config.IM_WS_PUBLIC_URL ? [config.IM_WS_PUBLIC_URL] : this.#ports.map((port) => `ws://${config.IM_HOST}:${port}/ws`);
    // "ws", then "ws.1", "ws.2" … for further ports.
    const addresses = Object.fromEntries(urls.map((url, i) => [i === 0 ? "ws" : `ws.${i}`, url]));
    this.#load = load();
    return { addresses, slot, load: this.#load, draining: this.#draining, since };
  }
}
