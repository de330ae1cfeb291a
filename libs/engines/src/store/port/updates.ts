import type { MessageRow } from "./messages.js";

/** An entry of a user's update log. */
export interface UpdateRow {
  readonly userId: string;
  readonly pts: number;
  /** The frame's type: C2C, C2G, S2C, READ, MEMBER, REJECT … */
  readonly type: string;
  readonly conversationId: string;
  /** The message it shows (message updates), else 0. */
  readonly seq: number;
  /** Other updates: the frame's fields behind the pts as JSON object text; null for message updates. */
  readonly body: string | null;
  readonly createdAt: number;
}

/** An update with its message, when it shows one. */
export interface UpdateWithMessage extends UpdateRow {
  readonly message: MessageRow | null;
}

export interface Difference {
  readonly updates: UpdateWithMessage[];
  /** The user's newest pts. */
  readonly pts: number;
  readonly hasMore: boolean;
  /** The pts asked for lies before what is kept, or beyond the newest: the client reloads. */
  readonly tooLong: boolean;
}

export interface Updates {
  /**
   * Updates with a pts greater than `pts`, ascending without a gap, at most `limit` (0: only the newest pts).
   * @throws AppError NOT_FOUND for a user that does not exist.
   */
  difference(userId: string, pts: number, limit: number): Promise<Difference>;
  /**
   * Trims logs from their old end: entries older than `before`, and those beyond the newest `keep` of a user; at most
   * about `limit` rows a call. @returns how many rows went.
   */
  trim(before: number, keep: number, limit: number): Promise<number>;
}
