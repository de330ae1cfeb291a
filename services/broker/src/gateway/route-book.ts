import type { Cache } from "@dunlin/engines/cache";
import { backoffMs, type Logger, sleep } from "@dunlin/runtime";
import { type Connection, flag } from "./connection.js";
import type { GatewayMetrics } from "./gateway-metrics.js";

/** Routes in one call to the cache. */
const SLICE = 500;
/** Removals kept while the cache is away; beyond them the oldest are left to their time to live. */
const MAX_REMOVALS = 100_000;
const RETRY_BASE_MS = 200;
const RETRY_CAP_MS = 3_000;

export interface RouteBookDeps {
  readonly cache: Cache;
  readonly slot: number;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
  /** After each try: whether the connection is routed now. A failed one is tried again here; this is called again then. */
  readonly onTried: (connection: Connection, routed: boolean) => void;
  /** After these users' routes were removed. */
  readonly onRemoved: (userIds: readonly string[]) => void;
}

interface Removal {
  readonly userId: string;
  readonly deviceId: string;
  readonly connectionId: string;
}

/** Writes the routes of this gateway's connections to the cache: what one tick brings goes in one call, one call at a time. */
export class RouteBook {
  #wanted = new Set<Connection>();
  #removals: Removal[] = [];
  #running: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(private readonly deps: RouteBookDeps) {}

  /** Registers, or registers again with a new status. */
  register(connection: Connection): void {
    this.#wanted.add(connection);
    this.#run();
  }

  remove(connection: Connection): void {
    this.#wanted.delete(connection);
    if (this.#removals.length >= MAX_REMOVALS) this.#removals.shift();
    this.#removals.push({
      userId: connection.userId,
      deviceId: connection.deviceId,
      connectionId: connection.idAt(this.deps.slot),
    });
    this.#run();
  }

  /** Resolves when everything asked for so far is written; gives up what cannot be written now. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #run(): void {
    this.#running ??= this.#flush().finally(() => {
      this.#running = undefined;
      if (!this.#stop.signal.aborted && (this.#wanted.size > 0 || this.#removals.length > 0)) this.#run();
    });
  }

  async #flush(): Promise<void> {
    // Lets the rest of this tick's connections come along.
    await new Promise((resolve) => setImmediate(resolve));
    let failures = 0;
    while (this.#wanted.size > 0 || this.#removals.length > 0) {
      if (await this.#writeSlice()) failures = 0;
      else if (this.#stop.signal.aborted) return;
      else await sleep(backoffMs(failures++, RETRY_BASE_MS, RETRY_CAP_MS) + 50, this.#stop.signal);
    }
  }

  async #writeSlice(): Promise<boolean> {
    const { cache, slot, onTried, onRemoved, metrics, logger } = this.deps;
    const slice: Connection[] = [];
    for (const connection of this.#wanted) {
      this.#wanted.delete(connection);
      if (connection.ws !== undefined) slice.push(connection);
      if (slice.length === SLICE) break;
    }
    const removals = this.#removals.splice(0, SLICE);
    let routed = true;
    try {
      if (slice.length > 0) await cache.routes.register(slice.map((c) => ({ userId: c.userId, route: c.routeAt(slot) })));
    } catch (error) {
      routed = false;
      logger.warn({ err: error, routes: slice.length }, "routes could not be registered; trying again");
    }
    metrics.routes.inc({ outcome: routed ? "registered" : "failed" }, slice.length);
    for (const connection of slice) {
      if (connection.ws === undefined) continue;
      if (!routed) {
        connection.set(flag.UNROUTED);
        this.#wanted.add(connection);
      }
      onTried(connection, routed);
    }
    try {
      if (removals.length > 0) {
        await cache.routes.remove(removals);
        onRemoved(removals.map(({ userId }) => userId));
      }
    } catch {
      routed = false;
      this.#removals.unshift(...removals);
    }
    return routed;
  }
}
