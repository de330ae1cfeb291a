import { AppError, type Clock } from "@dunlin/runtime";
import { Breaker } from "./breaker.js";

/** What the first instances get of a call while there are others to ask, ms. */
const FIRST_TRY_MS = 1_000;
/** A call takes at least this long before it is given up, all its tries together, ms. */
const DEADLINE_MS = 2_000;
/** … and at most this long, when instances answer, but slowly. */
const MAX_DEADLINE_MS = 8_000;

/** How a try ended. `slow`: no answer in the time given; `fault`: the instance cannot be used now. */
export type Outcome<R> =
  | { readonly kind: "answer"; readonly response: R }
  /** The instance answered, with an error that any other would answer too. */
  | { readonly kind: "refusal"; readonly error: AppError }
  | { readonly kind: "slow" | "fault"; readonly error: AppError };

interface Peer<T> {
  readonly address: string;
  readonly client: T;
  readonly breaker: Breaker;
  /** What it gets as the last one to ask, ms: rises while it is too slow, so that a slow answer is waited for in the end. */
  patience: number;
}

export interface PeersDeps<T> {
  readonly open: (address: string) => T;
  readonly close: (client: T) => void;
  readonly clock: Pick<Clock, "monotonic">;
}

/** The instances of a service, whom to ask and for how long. Calls must be repeatable: one may be tried at each instance. */
export class Peers<T> {
  readonly #peers = new Map<string, Peer<T>>();
  #order: Peer<T>[] = [];
  #next = 0;

  constructor(private readonly deps: PeersDeps<T>) {}

  /**
   * Those there are now. None at all is taken for a registry that lost sight of them: the last known stay.
   * @param members address → whether it drains; such a one is asked only when there is no other
   */
  set(members: ReadonlyMap<string, boolean>): void {
    if (members.size === 0) return;
    for (const [address, peer] of this.#peers) {
      if (members.has(address)) continue;
      this.#peers.delete(address);
      this.deps.close(peer.client);
    }
    for (const address of members.keys()) {
      if (this.#peers.has(address)) continue;
      this.#peers.set(address, { address, client: this.deps.open(address), breaker: new Breaker(), patience: DEADLINE_MS });
    }
    const staying = [...this.#peers.values()].filter(({ address }) => members.get(address) === false);
    this.#order = staying.length > 0 ? staying : [...this.#peers.values()];
  }

  close(): void {
    for (const { client } of this.#peers.values()) this.deps.close(client);
    this.#peers.clear();
    this.#order = [];
  }

  /** @param work one try, within `budgetMs`. @throws AppError what an instance refused, else UNAVAILABLE or TIMEOUT */
  async ask<R>(work: (client: T, budgetMs: number) => Promise<Outcome<R>>): Promise<R> {
    const { clock } = this.deps;
    const started = clock.monotonic();
    const tried = new Set<Peer<T>>();
    let failure: AppError | undefined;
    for (;;) {
      const begun = clock.monotonic();
      const spent = begun - started;
      const peer = MAX_DEADLINE_MS - spent > 50 ? this.#pick(tried, begun) : undefined;
      if (peer === undefined) throw failure ?? new AppError("UNAVAILABLE", "no syssvc can be reached", { retryAfterS: 1 });
      tried.add(peer);
      const last = !this.#order.some((other) => !tried.has(other) && other.breaker.willing(begun));
      const budget = last ? Math.min(MAX_DEADLINE_MS - spent, Math.max(DEADLINE_MS - spent, peer.patience)) : FIRST_TRY_MS;
      const outcome = await work(peer.client, budget);
      if (outcome.kind === "answer" || outcome.kind === "refusal") {
        const took = clock.monotonic() - begun;
        if (took < DEADLINE_MS / 2) peer.patience = DEADLINE_MS;
        peer.breaker.succeeded(begun);
        if (outcome.kind === "refusal") throw outcome.error;
        return outcome.response;
      }
      // Calls that failed together are one reason to wait longer the next time: each counts from the budget it had.
      if (outcome.kind === "slow" && last) peer.patience = Math.max(peer.patience, Math.min(MAX_DEADLINE_MS, budget * 2));
      peer.breaker.failed(begun, clock.monotonic());
      failure = outcome.error;
    }
  }

  #pick(tried: ReadonlySet<Peer<T>>, now: number): Peer<T> | undefined {
    for (let i = 0; i < this.#order.length; i++) {
      const peer = this.#order[this.#next++ % this.#order.length] as Peer<T>;
      if (!tried.has(peer) && peer.breaker.admits(now)) return peer;
    }
    return undefined;
  }
}
