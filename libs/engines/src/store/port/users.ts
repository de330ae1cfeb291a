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
  /** Creates the user and its mailbox. @throws AppError ACCOUNT_TAKEN */
  create(user: UserRow): Promise<void>;
  get(ids: readonly string[]): Promise<UserRow[]>;
  byAccount(account: string): Promise<UserRow | undefined>;
}
