import { AppError } from "@dunlin/runtime";

export interface BatcherOptions<K, V> {
  /** Looks up many keys at once; the answers in the order of the keys. */
  readonly load: (keys: readonly K[]) => Promise<readonly V[]>;
  /** Keys in one load. */
  readonly maxBatch: number;
  /** Loads under way at a time; what comes meanwhile waits and goes together. */
  readonly maxRunning: number;
  /** Keys that may wait; beyond that UNAVAILABLE. */
  readonly maxWaiting: number;
}

interface Waiting<K, V> {
  readonly key: K;
  readonly resolve: (value: V) => void;
  readonly reject: (error: unknown) => void;
}

/** Turns look-ups of single keys that come close together into few look-ups of many: under load, batches grow by themselves. */
export class Batcher<K, V> {
  #waiting: Waiting<K, V>[] = [];
  #running = 0;
  #scheduled = false;

  constructor(private readonly options: BatcherOptions<K, V>) {}

  /** @throws AppError UNAVAILABLE when too many wait, else whatever the load throws. */
  get(key: K): Promise<V> {
    if (this.#waiting.length >= this.options.maxWaiting) {
      return Promise.reject(new AppError("UNAVAILABLE", "too many look-ups wait", { retryAfterS: 1 }));
    }
    return new Promise<V>((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#running >= this.options.maxRunning || this.#waiting.length === 0) return;
    this.#scheduled = true;
    // After the events of this turn of the loop, so that requests that arrived together share a load.
    setImmediate(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    while (this.#running < this.options.maxRunning && this.#waiting.length > 0) {
      const { maxBatch } = this.options;
      const batch = this.#waiting.length <= maxBatch ? this.#waiting : this.#waiting.slice(0, maxBatch);
      this.#waiting = batch === this.#waiting ? [] : this.#waiting.slice(maxBatch);
      this.#running += 1;
      void this.#load(batch);
    }
  }

  async #load(batch: readonly Waiting<K, V>[]): Promise<void> {
    try {
      const values = await this.options.load(batch.map((entry) => entry.key));
      for (const [i, entry] of batch.entries()) entry.resolve(values[i] as V);
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
    this.#running -= 1;
    this.#schedule();
  }
}
