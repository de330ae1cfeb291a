import type { Ledger, SendRow } from "./ledger.js";
import type { Population } from "./population.js";

/** Follows, from the ledger alone, when each message had been shown on every device of every member. */
export class DeliveryWatch {
  #read = 0;
  readonly #left = new Map<string, number>();
  /** client_msg_id → when the last of those devices showed it, ms since 1970 */
  readonly #shownAt = new Map<string, number>();
  /** conversation → devices of its members */
  readonly #audience = new Map<string, number>();

  constructor(
    private readonly ledger: Ledger,
    population: Population,
  ) {
    const devicesOf = new Map<string, number>();
    for (const { user } of population.devices) devicesOf.set(user, (devicesOf.get(user) ?? 0) + 1);
    for (const { id, members } of population.conversations) {
      this.#audience.set(
        id,
        members.reduce((sum, member) => sum + (devicesOf.get(member.id) ?? 0), 0),
      );
    }
  }

  /** Sends answered ok, begun in a span of time, ms since 1970. */
  #accepted(from: number, to: number): SendRow[] {
    this.#follow();
    return [...this.ledger.sends.values()].filter((row) => row.outcome === "ok" && row.tInvoke >= from && row.tInvoke <= to);
  }

  /** How many of the sends begun in that span were answered ok and are not shown everywhere yet. */
  missing(from: number, to: number): number {
    return this.#accepted(from, to).filter((row) => !this.#shownAt.has(row.clientMsgId)).length;
  }

  /** When the first of the sends begun from then on had been accepted and shown everywhere; undefined as long as none. */
  firstShown(from: number): number | undefined {
    let first: number | undefined;
    for (const row of this.#accepted(from, Number.POSITIVE_INFINITY)) {
      const at = this.#shownAt.get(row.clientMsgId);
      if (at !== undefined) first = Math.min(first ?? at, Math.max(at, row.tDone));
    }
    return first;
  }

  /** When the last of the sends begun in that span that have been shown everywhere was, ms since 1970; `from` if none. */
  lastShown(from: number, to: number): number {
    return Math.max(from, ...this.#accepted(from, to).map((row) => this.#shownAt.get(row.clientMsgId) ?? from));
  }

  /** The longest that a send begun in that span took from its 202 until it was shown everywhere, ms. */
  slowest(from: number, to: number): number {
    let slowest = 0;
    for (const row of this.#accepted(from, to)) {
      const at = this.#shownAt.get(row.clientMsgId);
      if (at !== undefined) slowest = Math.max(slowest, at - row.tDone);
    }
    return slowest;
  }

  #follow(): void {
    const { receipts } = this.ledger;
    for (; this.#read < receipts.length; this.#read++) {
      const row = receipts[this.#read];
      if (!row) continue;
      const left = (this.#left.get(row.clientMsgId) ?? this.#audience.get(row.conversation) ?? 0) - 1;
      if (left > 0) this.#left.set(row.clientMsgId, left);
      else {
        this.#left.delete(row.clientMsgId);
        if (!this.#shownAt.has(row.clientMsgId)) this.#shownAt.set(row.clientMsgId, row.t);
      }
    }
  }
}
