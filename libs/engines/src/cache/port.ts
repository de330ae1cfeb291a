/**
 * Fast shared state that may be lost at any moment, and pub/sub. Nothing here is the only copy of anything.
 *
 * Guarantees every engine gives:
 * - Every call answers or rejects within 2 s (AppError UNAVAILABLE); there is no unbounded queue of waiting commands.
 * - Every key has a time to live.
 * - `publish` reaches the subscribers that are connected at that moment, in publisher order per channel; no more.
 */
export interface Cache {
  readonly engine: "memory" | "redis";
  /**
   * Keeps `value` under `key` if nothing is there and answers undefined; else answers what is there. Atomic.
   * `ttlMs` counts from the first call.
   */
  reserve(key: string, value: string, ttlMs: number): Promise<string | undefined>;
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;

  readonly routes: Routes;

  /** Counts what is done in windows of time. Limiters with the same name and window count together, in all processes. */
  limiter(limit: Limit): Limiter;

  publish(channel: string, message: Uint8Array): Promise<void>;
  /** Resolves when subscribed. After a lost connection it subscribes again by itself; what was missed is lost. */
  subscribe(channel: string, listener: (message: Uint8Array) => void): Promise<Subscription>;

  /**
   * Calls the listener when the engine was emptied or may have lost data (restart without persistence, FLUSHALL,
   * fail-over): whoever has registered something here does so again. At the latest 3 s after it can be reached again.
   */
  onEmptied(listener: () => void): Subscription;
  /** Rejects when the engine cannot be reached within a second. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface Limit {
  /** Letters and hyphens; unlike those of other limits. */
  readonly name: string;
  /** How much of it a window takes. */
  readonly points: number;
  readonly windowS: number;
}

/** How much was done under a key in its window, and when that ends. */
export interface Tally {
  readonly used: number;
  /** ms */
  readonly resetMs: number;
}

/**
 * A key's window begins with what is first counted in it. Never rejects because the engine is away, slow or closed: it
 * then counts in this process's memory, for a bounded number of keys, and answers within 250 ms.
 */
export interface Limiter {
  /** Counts `points` under `key`; below zero gives back. The answer includes them. */
  add(key: string, points: number): Promise<Tally>;
  /** From now on for so long the window is more than full. */
  block(key: string, seconds: number): Promise<void>;
}

export interface Subscription {
  close(): Promise<void>;
}

/** Which device of which user is connected at which slot. */
export interface Route {
  readonly deviceId: string;
  readonly slot: number;
  /** Unique for each connection, so that a late removal cannot hit its successor. */
  readonly connectionId: string;
  readonly sessionId: string;
  readonly platform: string;
  /** active or away */
  readonly status: string;
  /** ms since 1970 */
  readonly connectedAt: number;
}

export interface Routes {
  /** Adds or replaces routes, many at once (one round trip). A device has one route: the newest registration wins. */
  register(entries: readonly { userId: string; route: Route }[]): Promise<void>;
  /** Removes a device's route if it is still this connection's. */
  remove(entries: readonly { userId: string; deviceId: string; connectionId: string }[]): Promise<void>;
  /** The routes of many users in one round trip; users without one are missing from the map. */
  lookup(userIds: readonly string[]): Promise<Map<string, Route[]>>;
}

/** Routes nobody renews go after this time; brokers register theirs again in half of it. */
export const ROUTE_TTL_MS = 60 * 60 * 1000;
