export interface UserRow {
  readonly id: string;
  readonly account: string;
  readonly passwordHash: string;
  readonly nickname: string;
  readonly avatar: string;
  readonly createdAt: number;
  /** A few words about oneself; not there when there are none. */
  readonly bio?: string;
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
}
