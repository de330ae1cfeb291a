import { sleep } from "@dunlin/runtime";

/** The n-th pause (from 0) before a batch or a question is tried again, ms: 100 doubling to 5,000. */
export const retryMs = (n: number): number => Math.min(5_000, 100 * 2 ** Math.min(n, 10));

/** Calls until it resolves; undefined when `signal` aborts first. Every failure is reported. */
export const untilDone = async <T>(
  call: () => Promise<T>,
  signal: AbortSignal,
  failed: (error: unknown) => void,
): Promise<T | undefined> => {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await call();
    } catch (error) {
      failed(error);
      await sleep(retryMs(attempt), signal);
    }
  }
  return undefined;
};
