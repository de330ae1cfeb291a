/** How often and how long a repeatable request is tried again. */
export interface RetryPolicy {
  /** Calls in all, the first one included. */
  readonly attempts: number;
  /** Pause after the first failure at most, ms; doubles with each further one. */
  readonly baseMs: number;
  /** A single pause is never longer, ms. A Retry-After beyond it ends the attempts. */
  readonly capMs: number;
}

export const defaultRetry: RetryPolicy = { attempts: 5, baseMs: 250, capMs: 10_000 };

/**
 * The pause before try number `tries + 1`, ms, with jitter; undefined when it is over. What the server asked for is
 * never shortened, and spread over a quarter more so that clients do not come back together.
 */
export const pauseMs = (
  policy: RetryPolicy,
  tries: number,
  retryAfterMs: number | undefined,
  random: () => number = Math.random,
): number | undefined => {
  if (tries >= policy.attempts) return undefined;
  if (retryAfterMs !== undefined) return retryAfterMs > policy.capMs ? undefined : retryAfterMs * (1 + random() / 4);
  return Math.min(policy.capMs, policy.baseMs * 2 ** (tries - 1)) * (0.5 + random() / 2);
};

/** A Retry-After header (seconds or an HTTP date, RFC 9110 §10.2.3) as ms from `now`; undefined when there is none. */
export const parseRetryAfter = (header: string | null, now: number): number | undefined => {
  if (header === null || header.trim() === "") return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
};

/** Resolves after `ms`, or at once when the signal aborts. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
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
