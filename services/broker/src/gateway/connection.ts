import type { WebSocket } from "uWebSockets.js";
import type { Route } from "@dunlin/engines/cache";
import type { Reorder } from "./reorder.js";
import { Window } from "./window.js";

/** What uWebSockets.js keeps for us on its socket object. */
export interface SocketData {
  readonly connection: Connection;
  /** The address it counts under; undefined when addresses are not limited. */
  readonly seat: string | undefined;
}
export type Socket = WebSocket<SocketData>;

/** Who connects, as the handshake found it. */
export interface Identity {
  readonly userId: string;
  readonly sessionId: string;
  readonly deviceId: string;
  readonly platform: string;
  /** When the token expires, seconds since 1970. */
  readonly expiresAtS: number;
}

/** States of a connection, as bits: fifteen thousand connections want small objects. */
export const flag = {
  /** HELLO was sent; updates flow. */
  LIVE: 1,
  /** A read of the mailbox for this connection is under way. */
  PULLING: 2,
  /** The socket has not taken all bytes yet: nothing more is sent until it has. */
  BLOCKED: 4,
  AWAY: 8,
  /** The route could not be registered, or was lost: updates may have passed by. */
  UNROUTED: 16,
  /** Is in the set that the sweep looks at. */
  WATCHED: 32,
  /** The mailbox is to be asked even though nothing newer is known. */
  UNSURE: 64,
  /** Its stream was begun: once, whatever becomes of its route later. */
  BEGUN: 128,
  /** Others were told that this device is there; and that it is away. */
  ANNOUNCED: 256,
  ANNOUNCED_AWAY: 512,
} as const;

/** An id stamp rises with time by about this many a millisecond, so that stamps made within one differ. */
const STAMPS_PER_MS = 1024;

let lastStamp = 0;

/** From now on connections are younger than `now` (ms since 1970), even should the clock step back. */
export const startStamps = (now: number): void => {
  lastStamp = Math.max(lastStamp, now * STAMPS_PER_MS);
};

/** One WebSocket of one device. Extends its window instead of holding it: one object less for each connection. */
export class Connection extends Window {
  /** Undefined before the open event and after the close event. */
  ws: Socket | undefined = undefined;
  flags = 0;
  /** Frames whose turn has come, not yet given to the socket; only within a batch. */
  pending: string[] | undefined = undefined;
  /** The supergroups it follows; undefined: none. */
  supergroups: readonly string[] | undefined = undefined;
  /** Frames behind a hole; only while there is one. */
  held: Reorder | undefined = undefined;
  /** What is left of the client's frame budget, and when that was counted (monotonic s). */
  budget = 0;
  budgetAt = 0;
  readonly userId: string;
  readonly sessionId: string;
  readonly deviceId: string;
  readonly platform: string;
  readonly expiresAtS: number;
  /** Rises with every connection of this process; between processes as well as their clocks agree. */
  readonly stamp: number;

  /** @param resumeFrom the client's last pts, -1 when it gave none. @param now ms since 1970 */
  constructor(
    identity: Identity,
    readonly resumeFrom: number,
    now: number,
  ) {
    super();
    this.userId = identity.userId;
    this.sessionId = identity.sessionId;
    this.deviceId = identity.deviceId;
    this.platform = identity.platform;
    this.expiresAtS = identity.expiresAtS;
    lastStamp = Math.max(lastStamp + 1, now * STAMPS_PER_MS);
    this.stamp = lastStamp;
  }

  has(bit: number): boolean {
    return (this.flags & bit) !== 0;
  }

  set(bit: number): void {
    this.flags |= bit;
  }

  clear(bit: number): void {
    this.flags &= ~bit;
  }

  /** Sorts by age as text; made when needed, since most of the time nobody asks. */
  idAt(slot: number): string {
    return `${this.stamp.toString(36).padStart(11, "0")}.${slot}`;
  }

  routeAt(slot: number): Route {
    return {
      deviceId: this.deviceId,
      slot,
      connectionId: this.idAt(slot),
      sessionId: this.sessionId,
      platform: this.platform,
      status: this.has(flag.AWAY) ? "away" : "active",
      connectedAt: Math.floor(this.stamp / STAMPS_PER_MS),
    };
  }

  /** Takes one frame off the client's budget of `perSecond`, three times that in a burst. False: it sends too many. */
  spend(perSecond: number, nowMs: number): boolean {
    const nowS = nowMs / 1000;
    if (this.budgetAt === 0) this.budget = perSecond * 3;
    else this.budget = Math.min(perSecond * 3, this.budget + (nowS - this.budgetAt) * perSecond);
    this.budgetAt = nowS;
    if (this.budget < 1) return false;
    this.budget -= 1;
    return true;
  }
}
