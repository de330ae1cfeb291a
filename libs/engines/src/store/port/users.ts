export interface UserRow {
  readonly id: string;
  readonly account: string;
  readonly passwordHash: string;
  readonly nickname: string;
  readonly avatar: string;
  readonly createdAt: number;
  /** A few words about oneself; not there when there are none. */
  readonly bio?: string;
  /** When the user was deactivated, ms since 1970; not there for who is active. */
  readonly deactivatedAt?: number;
}

export interface Users {
  /**
   * Creates the user and its mailbox, with an address in small letters when one was shown to be the user's.
   * @throws AppError ACCOUNT_TAKEN; CONFLICT when the address is somebody else's
   */
  create(user: UserRow, email?: string): Promise<void>;
  get(ids: readonly string[]): Promise<UserRow[]>;
  byAccount(account: string): Promise<UserRow | undefined>;
  byEmail(email: string): Promise<UserRow | undefined>;
  /** @throws AppError NOT_FOUND */
  setPassword(id: string, passwordHash: string): Promise<void>;
  /** By id, behind `after` ("" for the first). */
  list(after: string, limit: number): Promise<UserRow[]>;
  /** `at`: when the user was deactivated, undefined to let it in again; who is deactivated already keeps the time. @throws AppError NOT_FOUND */
  deactivate(id: string, at: number | undefined): Promise<void>;
}
