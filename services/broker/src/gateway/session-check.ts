import type { Clock } from "@dunlin/runtime";

/** How long a session found good is taken for good, ms. */
const GOOD_FOR_MS = 10_000;
const MAX_KNOWN = 20_000;

/** Remembers for a few seconds which sessions were good, so that a storm of reconnects asks once for each. Only good news is kept. */
export class SessionCheck {
  /** sessionId → until when, monotonic ms; in order of insertion, which is the order of expiry. */
  readonly #good = new Map<string, number>();
  /** Counts what was forgotten: an answer that was on its way meanwhile may be older than the revocation. */
  #forgotten = 0;

  constructor(
    private readonly ask: (userId: string, sessionId: string) => Promise<boolean>,
    private readonly clock: Pick<Clock, "monotonic">,
  ) {}

  /** @throws AppError when it is not known and nobody can be asked. */
  async active(userId: string, sessionId: string): Promise<boolean> {
    const until = this.#good.get(sessionId);
    if (until !== undefined && until > this.clock.monotonic()) return true;
    const forgotten = this.#forgotten;
    if (!(await this.ask(userId, sessionId))) return false;
    if (this.#forgotten !== forgotten) return true;
    this.prune();
    this.#good.delete(sessionId);
    this.#good.set(sessionId, this.clock.monotonic() + GOOD_FOR_MS);
    return true;
  }

  /** Forgets sessions that were revoked; all of them when it is not said which. */
  forget(sessionIds: readonly string[] | undefined): void {
    this.#forgotten += 1;
    if (sessionIds === undefined) this.#good.clear();
    else for (const id of sessionIds) this.#good.delete(id);
  }

  /** Drops what has expired, and the oldest when there are too many. */
  prune(): void {
    const now = this.clock.monotonic();
    for (const [id, until] of this.#good) {
      if (until > now && this.#good.size < MAX_KNOWN) break;
      this.#good.delete(id);
    }
  }
}
