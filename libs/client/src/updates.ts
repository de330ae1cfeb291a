import type { Http } from "./http.js";
import type { Message } from "./messages.js";

/** An entry of one's update log, exactly as the WebSocket carries it. */
export interface Update {
  /** C2C, C2G, S2C (a message), READ, EDIT, RECALL, DELETE, REACTION, PIN, MENTION, MEMBER, REJECT … */
  type: string;
  /** Its place in the log: 1, 2, 3 … no gap. */
  pts: number;
  [field: string]: unknown;
}

export interface Difference {
  updates: Update[];
  /** One's newest pts. */
  pts: number;
  has_more: boolean;
  /** The pts asked for lies too far back: load dialogs and history again. */
  too_long: boolean;
}

/** Where to connect, best first. */
export interface Gateway {
  urls: string[];
  protocols: string[];
}

export class Updates {
  constructor(private readonly http: Http) {}

  /** What happened after `pts`. */
  difference(pts: number, limit?: number): Promise<Difference> {
    return this.http.request("GET", "/v1/updates", { query: { pts, limit }, repeatable: true });
  }

  gateway(): Promise<Gateway> {
    return this.http.request("GET", "/v1/gateway", { repeatable: true });
  }
}

const MESSAGE_TYPES: readonly string[] = ["C2C", "C2G", "C2S", "S2C"];

/** The message that an update shows; undefined for other updates and for a message that is gone. */
export const messageOf = (update: { readonly type: string; readonly [field: string]: unknown }): Message | undefined =>
  MESSAGE_TYPES.includes(update.type) && update["gone"] !== true && typeof update["id"] === "string"
    ? (update as unknown as Message)
    : undefined;
