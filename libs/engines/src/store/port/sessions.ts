export interface SessionRow {
  readonly id: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly platform: string;
  /** SHA-256 of the current refresh token, hex. */
  readonly refreshHash: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

/** A refresh token traded for the next; hashes as in SessionRow, times in ms since 1970. */
export interface Rotation {
  readonly from: string;
  readonly to: string;
  readonly usedAt: number;
  readonly expiresAt: number;
  readonly graceMs: number;
}

export interface Sessions {
  /**
   * Opens a session; the device's earlier sessions are revoked in the same transaction.
   * @returns the ids of the sessions it replaced.
   */
  open(session: SessionRow): Promise<string[]>;
  get(id: string): Promise<SessionRow | undefined>;
  /** Active sessions of a user at `now`, newest use first. */
  list(userId: string, now: number): Promise<SessionRow[]>;
  /**
   * Replaces the refresh hash by `to` if the session is active and `from` is its hash, or is the one before that and was
   * first replaced less than `graceMs` ago: its answer may have been lost. False when it was not (reuse).
   */
  rotate(id: string, rotation: Rotation): Promise<boolean>;
  /** Revokes active sessions of a user (all when ids is undefined). @returns the ids that were active. */
  revoke(userId: string, ids: readonly string[] | undefined, at: number): Promise<string[]>;
  /** Removes sessions that expired or were revoked before `before`, at most `limit`. @returns how many. */
  removeEnded(before: number, limit: number): Promise<number>;
}
