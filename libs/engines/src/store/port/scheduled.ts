/** open: its time has not come, or it is being sent; only an open one is ever changed, sent or cancelled. */
export type ScheduledState = "open" | "sent" | "failed" | "cancelled";

/** A message that its sender wants sent at some time. */
export interface ScheduledRow {
  readonly userId: string;
  /** Unique for its user. */
  readonly id: string;
  readonly clientMsgId: string;
  /** What is to be sent, as JSON text. */
  readonly body: string;
  /** Of what it was created with, hex. */
  readonly bodyHash: string;
  /** ms since 1970. */
  readonly sendAt: number;
  readonly state: ScheduledState;
  /** Rises with every change: 1, 2, 3 … */
  readonly version: number;
  readonly createdAt: number;
  /** When it came into this version or state. */
  readonly updatedAt: number;
  /** The message it became; null unless sent. */
  readonly messageId: string | null;
  /** Why it failed: a code of the error table; 0 unless failed. */
  readonly code: number;
}

export interface ScheduledKey {
  readonly userId: string;
  readonly id: string;
}

/** One whose time has come, for the process that claimed it. */
export interface ClaimedMessage extends ScheduledRow {
  /** How often it was claimed before. */
  readonly attempts: number;
}

/** Scheduled messages. Only ingest changes what they say and what becomes of them. */
export interface Scheduled {
  get(key: ScheduledKey): Promise<ScheduledRow | undefined>;
  /** A user's open and failed ones by sendAt, then id; behind a place, when given. */
  list(userId: string, after: { readonly sendAt: number; readonly id: string } | undefined, limit: number): Promise<ScheduledRow[]>;
  /** When the next open one is to be tried, ms since 1970; undefined when none is open. */
  nextDue(): Promise<number | undefined>;
  /**
   * Takes open ones that are due at `now`, the longest due first, at most `limit`. Each goes to one of many callers, and is
   * due again after `pauseMs` of how often it was claimed before, unless it is changed or settled until then.
   */
  claim(now: number, limit: number, pauseMs: (attempts: number) => number): Promise<ClaimedMessage[]>;
  /** Removes those that are not open any more, since before `before`; at most `limit`. @returns how many. */
  removeSettled(before: number, limit: number): Promise<number>;
}
