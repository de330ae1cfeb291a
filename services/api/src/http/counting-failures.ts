import { AppError } from "@dunlin/runtime";
import type { RateLimit } from "../limits/rate-limit.js";

/** Runs `work`; a refusal of the credentials it was given costs the address one of its failures. @throws AppError RATE_LIMITED */
export const countingFailures = async <T>(limit: RateLimit, address: string, work: () => Promise<T>): Promise<T> => {
  // Taken first: many guesses at a time must not all find the last one free.
  const wait = await limit.take(address);
  if (wait > 0) throw new AppError("RATE_LIMITED", undefined, { retryAfterS: wait });
  let failed = false;
  try {
    return await work();
  } catch (error) {
    failed = error instanceof AppError && (error.info.http === 401 || error.code === "CODE_WRONG");
    throw error;
  } finally {
    if (!failed) limit.giveBack(address);
  }
};
