/** What a user lets others do and see. A user without a row has set nothing. */
export interface PrivacyRow {
  readonly userId: string;
  readonly messages: "everyone" | "contacts";
  /** Who may bring the user into a group. */
  readonly groups: "everyone" | "contacts";
  readonly lastSeen: "everyone" | "contacts" | "nobody";
  readonly findByAccount: boolean;
}

export interface Privacy {
  get(userIds: readonly string[]): Promise<PrivacyRow[]>;
}
