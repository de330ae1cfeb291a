import type { Cache, Route } from "@dunlin/engines/cache";
import { backoffMs, type Logger, sleep } from "@dunlin/runtime";

/** Supergroups in one call to the cache. */
const SLICE = 500;
const RETRY_BASE_MS = 200;
const RETRY_CAP_MS = 3_000;

export interface SupergroupRoutesDeps {
  readonly cache: Cache;
  readonly slot: number;
  /** When this gateway registered, ms since 1970: the route counts as long as that registration does. */
  readonly since: number;
  readonly logger: Logger;
  /** Whether somebody here follows it now. */
  readonly wanted: (id: string) => boolean;
  /** The routes of these are registered, or could not be and are tried again. @throws what is to be tried again */
  readonly routed: (ids: readonly string[]) => Promise<void>;
}

/**
 * Tells ingest which supergroups have somebody here who follows: a route of the gateway itself, under the supergroup's id.
 * While the cache is away ingest delivers to every gateway, so what cannot be registered is followed all the same.
 */
export class SupergroupRoutes {
  readonly #dirty = new Set<string>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(private readonly deps: SupergroupRoutesDeps) {}

  /** Somebody begins to follow it, or nobody does any more, or its route is in doubt. */
  changed(id: string): void {
    if (this.#stop.signal.aborted) return;
    this.#dirty.add(id);
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when what is under way has ended; what cannot be written now goes with its time to live. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #work(): Promise<void> {
    // Lets the rest of this tick's connections come along.
    await new Promise((resolve) => setImmediate(resolve));
    let failures = 0;
    while (this.#dirty.size > 0) {
      if (await this.#write()) failures = 0;
      else if (this.#stop.signal.aborted) return;
      else await sleep(backoffMs(failures++, RETRY_BASE_MS, RETRY_CAP_MS) + 50, this.#stop.signal);
    }
  }

  async #write(): Promise<boolean> {
    const { cache, wanted, routed, logger } = this.deps;
    const slice = [...this.#dirty].slice(0, SLICE);
    for (const id of slice) this.#dirty.delete(id);
    const followed = slice.filter(wanted);
    const left = slice.filter((id) => !wanted(id));
    const route = this.#route();
    try {
      try {
        if (followed.length > 0) await cache.routes.register(followed.map((userId) => ({ userId, route })));
        if (left.length > 0) await cache.routes.remove(left.map((userId) => ({ userId, ...route })));
      } finally {
        await routed(followed);
      }
      return true;
    } catch (error) {
      logger.warn({ err: error, supergroups: slice.length }, "supergroups could not be routed; trying again");
      for (const id of slice) this.#dirty.add(id);
      return false;
    }
  }

  #route(): Route {
    const { slot, since } = this.deps;
    const connectionId = `${since.toString(36)}.${slot}`;
    return {
      deviceId: `gateway.${slot}`,
      slot,
      connectionId,
      sessionId: "",
      platform: "gateway",
      status: "active",
      connectedAt: since,
    };
  }
}
