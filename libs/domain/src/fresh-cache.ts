import type { Clock } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";
import { Batcher } from "./batcher.js";

export interface FreshCacheOptions<V> {
  /** Looks up many keys at once; the answers in the order of the keys. */
  readonly load: (keys: readonly string[]) => Promise<readonly V[]>;
  /** How long what was loaded is taken for current, ms. */
  readonly freshMs: number;
  /** Keys remembered. */
  readonly max: number;
  readonly clock: Pick<Clock, "now">;
}

/** Look-ups by key that are taken for current for a while: bounded, batched, forgotten when told to. */
export class FreshCache<V extends {}> {
  readonly #known: LRUCache<string, { readonly value: V; readonly at: number }>;
  readonly #loads: Batcher<string, V>;
  #forgotten = 0;

  constructor(private readonly options: FreshCacheOptions<V>) {
    this.#known = new LRUCache({ max: options.max });
    this.#loads = new Batcher({ load: (keys) => this.#load(keys), maxBatch: 500, maxRunning: 2, maxWaiting: 10_000 });
  }

  /** What is known and current. */
  peek(key: string): V | undefined {
    const known = this.#known.get(key);
    return known && this.options.clock.now() - known.at < this.options.freshMs ? known.value : undefined;
  }

  /** What is current, else what a load gives. @throws AppError UNAVAILABLE */
  async get(key: string): Promise<V> {
    return this.peek(key) ?? this.#loads.get(key);
  }

  /** As it is after this call. @throws AppError UNAVAILABLE */
  load(key: string): Promise<V> {
    return this.#loads.get(key);
  }

  /** What was known last, however old. */
  last(key: string): V | undefined {
    return this.#known.get(key)?.value;
  }

  forget(key: string): void {
    this.#known.delete(key);
    this.#forgotten += 1;
  }

  async #load(keys: readonly string[]): Promise<readonly V[]> {
    const { clock, load } = this.options;
    const at = clock.now();
    const forgotten = this.#forgotten;
    const values = await load(keys);
    // What was asked for before something changed may be what it changed from.
    if (forgotten === this.#forgotten) for (const [i, key] of keys.entries()) this.#known.set(key, { value: values[i] as V, at });
    return values;
  }
}
