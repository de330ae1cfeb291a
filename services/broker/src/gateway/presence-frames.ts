import { type Connection, flag } from "./connection.js";
import type { GatewayMetrics } from "./gateway-metrics.js";
import type { Sender } from "./sender.js";
import type { Watched } from "./watched.js";

/** Users in one frame. */
const USERS_MAX = 100;

/** How a user is shown; `last_seen` is missing when it is not known here. */
export const presenceText = ({ userId, status, lastSeen }: Watched): string => {
  if (status === undefined || status !== "offline") return `{"user_id":"${userId}","status":"${status ?? "offline"}","last_seen":null}`;
  return lastSeen === undefined
    ? `{"user_id":"${userId}","status":"offline"}`
    : `{"user_id":"${userId}","status":"offline","last_seen":${lastSeen}}`;
};

/** How somebody is shown to whom they do not show themselves. */
export const hiddenText = ({ userId }: Watched): string => `{"user_id":"${userId}","status":"offline","last_seen":null}`;

/** Gathers what is to be shown to each connection, so that many changes make few frames. */
export class PresenceFrames {
  readonly #texts = new Map<Connection, string[]>();

  constructor(
    private readonly sender: Sender,
    private readonly metrics: GatewayMetrics,
  ) {}

  add(connection: Connection, text: string): void {
    const texts = this.#texts.get(connection);
    if (texts) texts.push(text);
    else this.#texts.set(connection, [text]);
  }

  /** Sends them. @returns the connections that took not all: too early, or their socket is full */
  send(): Connection[] {
    const missed: Connection[] = [];
    for (const [connection, texts] of this.#texts) {
      for (let at = 0; at < texts.length; at += USERS_MAX) {
        const frame = `{"type":"PRESENCE","users":[${texts.slice(at, at + USERS_MAX).join(",")}]}`;
        if (connection.has(flag.LIVE) && this.sender.fleeting(connection, frame)) this.metrics.presences.inc();
        else {
          missed.push(connection);
          break;
        }
      }
    }
    this.#texts.clear();
    return missed;
  }
}
