import { sleep } from "@dunlin/runtime";

const LOOK_EVERY_MS = 10;

/** Asks until the answer is neither undefined nor false. @throws Error saying what was waited for, after `ms`; at once what `ask` throws */
export const until = async <T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 15_000,
): Promise<T> => {
  const deadline = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
};

/** Waits until `check` no longer throws, at most `ms`; then its last error is the failure. */
export const eventually = async (check: () => unknown, ms = 20_000): Promise<void> => {
  const deadline = performance.now() + ms;
  await until(
    "a check",
    async () => {
      try {
        await check();
        return true;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        return undefined;
      }
    },
    Number.POSITIVE_INFINITY,
  );
};

let serial = 0;
/** A name no other test run uses: the engine may be shared and full of what others left. */
export const fresh = (name: string): string => `${name}-${process.pid}-${Date.now().toString(36)}-${serial++}`;
