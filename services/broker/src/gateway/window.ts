/** Updates that may be sent and not acknowledged yet. */
export const WINDOW = 256;
/** After the first of these times without progress the unacknowledged updates are sent again, and so on, ms. */
export const REDELIVERY_MS = [2_000, 5_000, 7_000, 11_000] as const;
/** Without progress for this long a connection is given up, ms. */
export const GIVE_UP_MS = 15_000;

export type Verdict = "send" | "drop" | "hold" | "behind";
export type Due = "wait" | "again" | "give up";

/**
 * How far one connection is in its user's update log. Only positions are kept, never frames: what must be sent again or
 * could not be sent yet is in the mailbox, so a slow client costs no memory here.
 *
 * `acked` ≤ `sent` ≤ `newest`; pts are sent rising by exactly one.
 */
export class Window {
  /** The last pts that was sent. */
  sent = 0;
  /** The highest contiguous pts that the client acknowledged. */
  acked = 0;
  /** The newest pts known to exist. */
  newest = 0;
  /** When the oldest unacknowledged update was sent or the last progress was made, monotonic ms. */
  waitingSince = 0;
  /** How often the unacknowledged updates were sent again since then. */
  attempt = 0;

  /** Starts behind `pts`: the first update to send is pts + 1. */
  begin(pts: number): void {
    this.sent = pts;
    this.acked = pts;
    this.newest = Math.max(this.newest, pts);
  }

  /** How many more updates may be sent now. */
  get room(): number {
    return WINDOW - (this.sent - this.acked);
  }

  get waiting(): boolean {
    return this.sent > this.acked;
  }

  get behind(): boolean {
    return this.newest > this.sent;
  }

  /** What is to be done with a live update: send it now, drop a double, hold it behind a hole, or leave it in the mailbox. */
  judge(pts: number): Verdict {
    if (pts <= this.sent) return "drop";
    if (pts > this.newest) this.newest = pts;
    if (this.room <= 0) return "behind";
    return pts === this.sent + 1 ? "send" : "hold";
  }

  /** Counts the next update as sent. */
  advance(now: number): void {
    if (this.sent === this.acked) {
      this.waitingSince = now;
      this.attempt = 0;
    }
    this.sent += 1;
  }

  /** @returns how many updates this acknowledges for the first time; -1 when the pts was never sent. */
  ack(pts: number, now: number): number {
    if (pts > this.sent) return -1;
    if (pts <= this.acked) return 0;
    const fresh = pts - this.acked;
    this.acked = pts;
    this.waitingSince = now;
    this.attempt = 0;
    return fresh;
  }

  /** Whether the unacknowledged updates are to be sent again. Each "again" is answered once. */
  due(now: number): Due {
    if (!this.waiting) return "wait";
    const waited = now - this.waitingSince;
    if (waited >= GIVE_UP_MS) return "give up";
    const next = REDELIVERY_MS[this.attempt];
    if (next === undefined || waited < next) return "wait";
    // A sweep that comes late answers the times it missed with one redelivery.
    while (waited >= (REDELIVERY_MS[this.attempt] ?? Number.POSITIVE_INFINITY)) this.attempt += 1;
    return "again";
  }
}
