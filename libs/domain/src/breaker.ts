import { AppError, type Clock, withTimeout } from "@dunlin/runtime";

export interface BreakerOptions {
  /** What is guarded, for messages. */
  readonly name: string;
  /** A call that takes longer counts as failed, ms. */
  readonly timeoutMs: number;
  /** After so many failures in a row calls fail at once. */
  readonly failures: number;
  /** … for this long, ms; then one call tries again. */
  readonly openMs: number;
  readonly clock: Pick<Clock, "monotonic">;
}

/**
 * Keeps an engine that is away from making every request wait for it: calls have a time limit, and after some failures
 * in a row all but one probe fail at once. Only UNAVAILABLE and timeouts count; an engine that says "conflict" is well.
 */
export class Breaker {
  #failed = 0;
  #openUntil = 0;

  constructor(private readonly options: BreakerOptions) {}

  get open(): boolean {
    return this.options.clock.monotonic() < this.#openUntil;
  }

  /** @throws AppError UNAVAILABLE when open or too slow, else what `work` throws. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { name, timeoutMs, failures, openMs, clock } = this.options;
    if (this.open) throw new AppError("UNAVAILABLE", `${name} is away`, { retryAfterS: 1 });
    // Others go on failing at once while this one probes.
    if (this.#failed >= failures) this.#openUntil = clock.monotonic() + openMs;
    let error: unknown;
    try {
      const value = await withTimeout(work(), timeoutMs);
      this.#failed = 0;
      this.#openUntil = 0;
      return value;
    } catch (cause) {
      error = cause;
    }
    const unavailable = error instanceof AppError ? error.code === "UNAVAILABLE" : (error as Error).message.startsWith("timed out");
    if (!unavailable) {
      this.#failed = 0;
      this.#openUntil = 0;
      throw error;
    }
    this.#failed += 1;
    if (this.#failed >= failures) this.#openUntil = clock.monotonic() + openMs;
    throw error instanceof AppError ? error : new AppError("UNAVAILABLE", `${name} is too slow`, { cause: error, retryAfterS: 1 });
  }
}

/** The same object with every method guarded by the breaker. */
export const guarded = <T extends object>(target: T, breaker: Breaker): T => {
  const wrapped = new Map<PropertyKey, unknown>();
  return new Proxy(target, {
    get(object, property) {
      const known = wrapped.get(property);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(object, property, object);
      if (typeof value !== "function") return value;
      const call = (...args: unknown[]): Promise<unknown> => breaker.run(() => Reflect.apply(value, object, args) as Promise<unknown>);
      wrapped.set(property, call);
      return call;
    },
  });
};
