/** When a user is not to be disturbed. A user without a row always may be. */
export interface DndRow {
  readonly userId: string;
  /** ms since 1970; 0: not snoozed. */
  readonly snoozeUntil: number;
  /** The weekly schedule as JSON text; null for none. */
  readonly schedule: string | null;
  readonly allowMentions: boolean;
}

export interface Dnd {
  get(userId: string): Promise<DndRow | undefined>;
}
