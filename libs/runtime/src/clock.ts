/** Time, so that tests can hold it. `now` is wall-clock ms since 1970; `monotonic` is ms that never step back. */
export interface Clock {
  now(): number;
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });

/** The n-th pause (n from 0) of an exponential back-off with full jitter, ms. */
export const backoffMs = (n: number, baseMs: number, capMs: number): number => Math.random() * Math.min(capMs, baseMs * 2 ** n);
