import { AppError } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";
import type { EngineDeps } from "../../host/index.js";
import { Channels } from "../channels.js";
import type { Cache, Limit, Limiter, Subscription } from "../port.js";
import { MemoryLimiter } from "./limiter.js";
import { MemoryRoutes } from "./routes.js";

/** Values kept at most; beyond it the least recently used goes, which the port allows ("may be lost at any moment"). */
const MAX_KEYS = 100_000;
/** Characters of keys and values kept at most. */
const MAX_CHARS = 32 * 1024 * 1024;

/** The cache in this process's memory. Nothing can be emptied behind its back, so `onEmptied` never fires. */
export class MemoryCache implements Cache {
  readonly engine = "memory";
  readonly routes: MemoryRoutes;
  readonly #values: LRUCache<string, string>;
  readonly #channels: Channels;
  /** As many as the code names. */
  readonly #limiters = new Map<string, MemoryLimiter>();
  #closed = false;

  constructor({ logger, clock }: Pick<EngineDeps, "logger" | "clock">) {
    this.#values = new LRUCache({
      max: MAX_KEYS,
      maxSize: MAX_CHARS,
      sizeCalculation: (value, key) => value.length + key.length + 1,
      // Every set gives its own; the library only wants to know that entries expire.
      ttl: 1,
      ttlResolution: 0,
      perf: { now: () => clock.monotonic() },
    });
    this.routes = new MemoryRoutes(clock, () => this.#open());
    this.#channels = new Channels(logger);
  }

  async reserve(key: string, value: string, ttlMs: number): Promise<string | undefined> {
    this.#open();
    const there = this.#values.get(key);
    if (there === undefined) this.#values.set(key, value, { ttl: ttlMs });
    return there;
  }

  async get(key: string): Promise<string | undefined> {
    this.#open();
    return this.#values.get(key);
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    this.#open();
    this.#values.set(key, value, { ttl: ttlMs });
  }

  async delete(key: string): Promise<void> {
    this.#open();
    this.#values.delete(key);
  }

  limiter(limit: Limit): Limiter {
    const id = `${limit.name} ${limit.windowS}`;
    const limiter = this.#limiters.get(id) ?? new MemoryLimiter(limit);
    this.#limiters.set(id, limiter);
    return limiter;
  }

  async publish(channel: string, message: Uint8Array): Promise<void> {
    this.#open();
    this.#channels.publish(channel, message);
  }

  async subscribe(channel: string, listener: (message: Uint8Array) => void): Promise<Subscription> {
    this.#open();
    const leave = this.#channels.join(channel, listener);
    return { close: async () => void leave() };
  }

  onEmptied(): Subscription {
    return { close: async () => {} };
  }

  async ping(): Promise<void> {
    this.#open();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#values.clear();
    this.routes.clear();
    this.#channels.clear();
  }

  #open(): void {
    if (this.#closed) throw new AppError("UNAVAILABLE", "the cache is closed");
  }
}
