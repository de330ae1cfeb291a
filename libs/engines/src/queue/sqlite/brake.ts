/** A producer waits no longer than this, ms: what it produced is durable already. */
const HOLD_MS = 250;
/** Consumers that have not moved for so long are stuck, ms: waiting for them would help nobody. */
const STUCK_MS = 500;

/**
 * Keeps producers from running away from consumers that share their event loop: whoever is quicker would otherwise take all of
 * it, and the records wait for seconds. Consumers that are stuck hold nobody up.
 */
export class Brake {
  readonly #waiting = new Set<() => void>();
  #moved = Number.NEGATIVE_INFINITY;

  /**
   * @param behind records that wait for the group that is furthest behind
   * @param limit records that may wait
   */
  constructor(
    private readonly behind: () => number,
    private readonly limit: number,
  ) {}

  /** A consumer has passed records. */
  moved(): void {
    this.#moved = performance.now();
    if (this.#waiting.size > 0 && this.behind() <= this.limit) for (const go of [...this.#waiting]) go();
  }

  /** Resolves when the consumers have come closer, or after a quarter of a second; undefined when there is nothing to wait for. */
  hold(): Promise<void> | undefined {
    if (this.behind() <= this.limit || performance.now() - this.#moved > STUCK_MS) return undefined;
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        resolve();
      };
      const timer = setTimeout(go, HOLD_MS);
      this.#waiting.add(go);
    });
  }
}
