/**
 * The one error this library throws. `code` is a code of the server's error table (706 token invalid, 707 expired …), or
 * "network" when no answer came: the outcome is then unknown.
 */
export class DunlinError extends Error {
  override readonly name = "DunlinError";
  readonly code: number | "network";
  /** HTTP status, 0 when no answer came. */
  readonly status: number;
  /** When the server asked to try again, ms from the answer. */
  readonly retryAfterMs: number | undefined;
  /** X-Request-Id of the answer, for the operator's logs. */
  readonly requestId: string | undefined;

  constructor(code: number | "network", message: string, details: DunlinErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status ?? 0;
    this.retryAfterMs = details.retryAfterMs;
    this.requestId = details.requestId;
  }

  /** Whether the same request may succeed later without a change. */
  get retryable(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** The login is over: only a new login helps. */
  get signedOut(): boolean {
    return this.status === 401 && this.code !== TOKEN_EXPIRED;
  }
}

export interface DunlinErrorDetails {
  status?: number;
  retryAfterMs?: number | undefined;
  requestId?: string | undefined;
  cause?: unknown;
}

/** The access token has expired: refresh it and try again. */
export const TOKEN_EXPIRED = 707;
/** Account or password is wrong. */
export const CREDENTIALS_WRONG = 701;
/** The account name is taken. */
export const ACCOUNT_TAKEN = 702;
