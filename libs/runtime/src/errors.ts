import { type ErrorCode, type ErrorInfo, errors } from "@dunlin/proto";

export interface AppErrorOptions {
  /** The cause, for logs only: never shown to a caller. */
  cause?: unknown;
  /** When to try again, seconds; sent as Retry-After. */
  retryAfterS?: number;
  /** Facts for the caller, e.g. which field is wrong. No secrets, no message text. */
  details?: Record<string, unknown>;
}

/** The one error class. `code` names a row of the error table, which says how each transport shows it. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly retryAfterS: number | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message?: string, options: AppErrorOptions = {}) {
    super(message ?? errors[code].en, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterS = options.retryAfterS;
    this.details = options.details;
  }

  get info(): ErrorInfo {
    return errors[this.code];
  }

  get retryable(): boolean {
    return this.info.retryable;
  }
}

/** Any thrown value as an AppError; what is not one already becomes INTERNAL with the value as cause. */
export const toAppError = (error: unknown): AppError =>
  error instanceof AppError ? error : new AppError("INTERNAL", undefined, { cause: error });
