import { AppError, backoffMs, sleep } from "@dunlin/runtime";

/** A unique key has the value already. `constraint` is what the engine says about it, for the code that tells keys apart. */
export class UniqueViolation extends AppError {
  constructor(
    readonly constraint: string,
    cause: unknown,
  ) {
    super("CONFLICT", undefined, { cause });
  }
}

/** The engine gave the transaction up (deadlock, lock timeout) though nothing is wrong with it: run it again. */
export class TransactionAborted extends AppError {
  constructor(cause: unknown) {
    super("UNAVAILABLE", "the store gave up a transaction that waited for locks", { cause, retryAfterS: 1 });
  }
}

export const unavailable = (message: string, cause?: unknown): AppError =>
  new AppError("UNAVAILABLE", message, { retryAfterS: 1, ...(cause === undefined ? {} : { cause }) });

const MAX_TRIES = 8;
/** No try begins later than this after the first, ms. */
const MAX_RETRY_MS = 10_000;

/** Runs a whole transaction again while the engine gives it up, with jitter between the tries. */
export const retryAborted = async <T>(transaction: () => Promise<T>): Promise<T> => {
  const end = performance.now() + MAX_RETRY_MS;
  for (let tried = 1; ; tried++) {
    try {
      return await transaction();
    } catch (error) {
      if (!(error instanceof TransactionAborted) || tried >= MAX_TRIES || performance.now() > end) throw error;
      await sleep(backoffMs(tried, 5, 300));
    }
  }
};
