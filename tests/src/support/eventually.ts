import { sleep } from "@dunlin/runtime";

const DEADLINE_MS = 15_000;

/** Asks until the answer is neither undefined nor false. @throws Error saying what was waited for, after the deadline. */
export const eventually = async <T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = DEADLINE_MS,
): Promise<T> => {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(10);
  }
};
