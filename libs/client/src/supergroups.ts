import type { Http } from "./http.js";

/** An entry of a supergroup's log, exactly as the WebSocket carries it: its place is its seq, there is no pts. */
export interface Entry {
  /** C2S (a message), EDIT, RECALL, REACTION, PIN (of the message at `message_seq`), MEMBER … */
  type: string;
  conversation_id: string;
  /** Its place in the log: 1, 2, 3 … no gap. */
  seq: number;
  [field: string]: unknown;
}

export interface SupergroupDifference {
  updates: Entry[];
  /** How far the log reaches. */
  pts: number;
  has_more: boolean;
  /** The pts asked for lies too far back: load dialog and history again. */
  too_long: boolean;
}

export class Supergroups {
  constructor(private readonly http: Http) {}

  /** What happened in a supergroup after `pts`, the seq of the last entry one has. */
  difference(id: string, pts: number, limit?: number): Promise<SupergroupDifference> {
    return this.http.request("GET", `/v1/supergroups/${encodeURIComponent(id)}/updates`, { query: { pts, limit }, repeatable: true });
  }
}
