/** Failures in a row that open it. */
const THRESHOLD = 3;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;

/** Keeps calls away from an instance that does not answer: closed for a growing pause, then one call at a time is a probe. */
export class Breaker {
  #failures = 0;
  #closedUntil = 0;

  /** Whether a call may go there at `now` (monotonic ms). Admitting a probe postpones the next one. */
  admits(now: number): boolean {
    if (this.#failures < THRESHOLD) return true;
    if (now < this.#closedUntil) return false;
    this.#closedUntil = now + this.#pause();
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(now: number): void {
    this.#failures += 1;
    if (this.#failures >= THRESHOLD) this.#closedUntil = now + this.#pause();
  }

  #pause(): number {
    return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, this.#failures - THRESHOLD));
  }
}
