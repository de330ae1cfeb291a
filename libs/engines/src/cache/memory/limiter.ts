import { LRUCache } from "lru-cache";
import { RateLimiterMemory } from "rate-limiter-flexible";
import type { Limit, Limiter, Tally } from "../port.js";

/** Keys counted at most; one that falls out begins anew. */
const MAX_KEYS = 50_000;

/** Counts in this process's memory. */
export class MemoryLimiter implements Limiter {
  readonly #counts: RateLimiterMemory;
  /** The library forgets a key when its window ends; this bounds how many there are until then. */
  readonly #keys = new LRUCache<string, true>({ max: MAX_KEYS, dispose: (_, key) => void this.#counts.delete(key) });

  constructor({ name, points, windowS }: Limit) {
    this.#counts = new RateLimiterMemory({ keyPrefix: name, points, duration: windowS });
  }

  async add(key: string, points: number): Promise<Tally> {
    this.#keys.set(key, true, { noDisposeOnSet: true });
    const { consumedPoints, msBeforeNext } = await this.#counts.penalty(key, points);
    return { used: consumedPoints, resetMs: msBeforeNext };
  }

  async block(key: string, seconds: number): Promise<void> {
    this.#keys.set(key, true, { noDisposeOnSet: true });
    await this.#counts.block(key, seconds);
  }
}
