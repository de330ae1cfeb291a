export interface PresenceStore {
  /** When a session of each user was last used, ms since 1970; users without one are missing. */
  lastUsed(userIds: readonly string[]): Promise<Map<string, number>>;
}
