import type { Limiter } from "@dunlin/engines/cache";
import type { Clock } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";

/** Keys remembered here; one that falls out begins with what the limiter knows of it. */
const KEYS_MAX = 50_000;
/** The share of a window's points that a process takes at once, and hands out without asking anybody. */
const LEASE_SHARE = 10;

interface Key {
  /** When this window ends, monotonic ms. */
  resetAt: number;
  /** Points in hand. */
  left: number;
  /** What is in hand has not been counted yet: a process tells nobody of the first lease in a window until it needs more. */
  uncounted: boolean;
  /** From so many points on this window refuses. */
  refused: number;
  asking: Promise<boolean> | undefined;
}

export interface RateLimitOptions {
  readonly limiter: Limiter;
  /** Points in a window; 0: no limit. */
  readonly points: number;
  readonly windowS: number;
  readonly clock: Pick<Clock, "monotonic">;
}

/**
 * So many points for each key in a window, shared by all processes through the limiter. Points are fetched by the tenth of
 * a window, so that most calls are answered here and at once; the first tenth is even taken on trust, hence a user who
 * stays below it costs no round trip at all. Several processes together may let pass a tenth each beyond the limit.
 */
export class RateLimit {
  readonly #keys = new LRUCache<string, Key>({ max: KEYS_MAX });
  readonly #lease: number;
  readonly #trust: number;

  constructor(private readonly options: RateLimitOptions) {
    this.#trust = Math.floor(options.points / LEASE_SHARE);
    this.#lease = Math.max(1, this.#trust);
  }

  /** Takes `count` points. @returns 0, or the whole seconds after which it is worth trying again; then nothing is taken. */
  take(name: string, count = 1): number | Promise<number> {
    if (this.options.points === 0) return 0;
    const now = this.options.clock.monotonic();
    const key = this.#current(name, now);
    if (count >= key.refused) return wait(key, now);
    if (key.left >= count) {
      key.left -= count;
      return 0;
    }
    return this.#ask(name, key, count);
  }

  /** Puts back points that were taken, should they not count after all. */
  giveBack(name: string, count = 1): void {
    if (this.options.points === 0) return;
    const key = this.#current(name, this.options.clock.monotonic());
    key.refused = Number.POSITIVE_INFINITY;
    if (key.uncounted) key.left = Math.min(this.#trust, key.left + count);
    else void this.options.limiter.add(name, -count);
  }

  #current(name: string, now: number): Key {
    const known = this.#keys.get(name);
    if (known && now < known.resetAt) return known;
    const key: Key = {
      resetAt: now + this.options.windowS * 1000,
      left: this.#trust,
      uncounted: true,
      refused: Number.POSITIVE_INFINITY,
      // Who asks for the window before finds its answer useless, and asks again.
      asking: undefined,
    };
    this.#keys.set(name, key);
    return key;
  }

  async #ask(name: string, key: Key, count: number): Promise<number> {
    // One question for a key at a time: whoever comes meanwhile sees first what it brought.
    if (key.asking !== undefined) await key.asking;
    else {
      key.asking = this.#fetch(name, key, count);
      try {
        if (await key.asking) return 0;
      } finally {
        key.asking = undefined;
      }
    }
    return this.take(name, count);
  }

  /** Brings points for `count`, or finds that there are not enough. @returns true when `count` passes without them. */
  async #fetch(name: string, key: Key, count: number): Promise<boolean> {
    const { limiter, points, windowS, clock } = this.options;
    const wanted = Math.max(this.#lease, count - key.left);
    const trusted = key.uncounted ? this.#trust : 0;
    key.uncounted = false;
    const { used, resetMs } = await limiter.add(name, wanted + trusted);
    key.resetAt = clock.monotonic() + resetMs;
    const before = used - wanted;
    // More than a window ever holds passes at its beginning, and is paid for with the windows after it.
    if (count > points && before <= trusted) {
      const seconds = Math.ceil(count / points) * windowS;
      await limiter.block(name, seconds);
      key.resetAt = clock.monotonic() + seconds * 1000;
      key.left = 0;
      key.refused = 1;
      return true;
    }
    const granted = Math.max(0, Math.min(wanted, points - before));
    key.left += granted;
    if (granted < wanted) key.refused = key.left + 1;
    return false;
  }
}

const wait = (key: Key, now: number): number => Math.max(1, Math.ceil((key.resetAt - now) / 1000));
