export type CodePurpose = "register" | "reset";

/** A code that was sent to an address. */
export interface EmailCode {
  readonly email: string;
  readonly purpose: CodePurpose;
  /** A keyed hash of the code, hex. */
  readonly hash: string;
  readonly expiresAt: number;
}

export interface EmailCodes {
  /** Keeps the code in place of an earlier one for the same address and purpose. */
  put(code: EmailCode): Promise<void>;
  /**
   * Uses a code up: true exactly once, for the right hash before its time, after fewer than `tries` wrong ones. A wrong
   * one is counted; with the last of them the code is gone.
   */
  use(email: string, purpose: CodePurpose, hash: string, now: number, tries: number): Promise<boolean>;
  /** Removes codes that expired before `before`, at most `limit`. @returns how many. */
  removeExpired(before: number, limit: number): Promise<number>;
}
