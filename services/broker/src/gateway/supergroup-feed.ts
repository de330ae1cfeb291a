import type { Connection } from "./connection.js";

/** Entries kept that came before their turn; what does not fit is fetched from the store. */
const EARLY_MAX = 256;

/**
 * One supergroup's log as this gateway publishes it: one last seq for all connections. What comes is published as last + 1
 * or not yet; what was published before is dropped.
 */
export class SupergroupFeed {
  /** The last seq published, -1 until it is known how far the log reaches. */
  last = -1;
  /** The highest seq known to exist. */
  newest = 0;
  /** Connections that follow. */
  followers = 0;
  /** Those of them that are subscribed once `last` is known. */
  readonly waiting = new Set<Connection>();
  filling = false;
  readonly #early = new Map<number, string>();

  constructor(readonly id: string) {}

  get hole(): boolean {
    return this.last >= 0 && this.newest > this.last;
  }

  /** An entry has come; an empty frame only tells that it exists. @returns the frames to publish now, in order. */
  take(seq: number, frame: string): string[] {
    this.newest = Math.max(this.newest, seq);
    if (this.last >= 0 && seq <= this.last) return [];
    if (frame !== "" && (this.#early.size < EARLY_MAX || seq === this.last + 1)) this.#early.set(seq, frame);
    return this.#ready();
  }

  /** The log reaches `head`: what comes from there on is published. @returns the frames to publish now, in order. */
  begin(head: number): string[] {
    this.last = head;
    this.newest = Math.max(this.newest, head);
    for (const seq of this.#early.keys()) if (seq <= head) this.#early.delete(seq);
    return this.#ready();
  }

  #ready(): string[] {
    const ready: string[] = [];
    if (this.last < 0) return ready;
    for (let frame = this.#early.get(this.last + 1); frame !== undefined; frame = this.#early.get(this.last + 1)) {
      this.last += 1;
      this.#early.delete(this.last);
      ready.push(frame);
    }
    return ready;
  }
}
