import type { Clock } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";

/** Keys remembered; a key that falls out begins with a full bucket. */
const KEYS_MAX = 50_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket for each key: `perWindow` tokens, filled evenly over `windowMs`. `perWindow` 0: no limit. */
export class RateLimit {
  readonly #buckets = new LRUCache<string, Bucket>({ max: KEYS_MAX });

  constructor(
    private readonly perWindow: number,
    private readonly windowMs: number,
    private readonly clock: Pick<Clock, "monotonic">,
  ) {}

  /** Takes `count` tokens. @returns 0, or the whole seconds after which it is worth trying again; then nothing is taken. */
  take(key: string, count = 1): number {
    if (this.perWindow === 0) return 0;
    const bucket = this.#bucket(key);
    // More than the bucket ever holds passes when it is full, and leaves it in debt.
    const needed = Math.min(count, this.perWindow);
    if (bucket.tokens < needed) return this.#wait(needed - bucket.tokens);
    bucket.tokens -= count;
    return 0;
  }

  /** As `take` for one token, without taking it. */
  wait(key: string): number {
    if (this.perWindow === 0) return 0;
    const { tokens } = this.#bucket(key);
    return tokens < 1 ? this.#wait(1 - tokens) : 0;
  }

  #wait(tokens: number): number {
    return Math.max(1, Math.ceil((tokens * this.windowMs) / this.perWindow / 1000));
  }

  #bucket(key: string): Bucket {
    const now = this.clock.monotonic();
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      bucket = { tokens: this.perWindow, at: now };
      this.#buckets.set(key, bucket);
    } else {
      bucket.tokens = Math.min(this.perWindow, bucket.tokens + ((now - bucket.at) * this.perWindow) / this.windowMs);
      bucket.at = now;
    }
    return bucket;
  }
}
