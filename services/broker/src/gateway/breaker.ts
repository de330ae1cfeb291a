/** Failures in a row that shut the way. */
const THRESHOLD = 3;
const FIRST_PAUSE_MS = 250;
/** As long as an instance that answers again stays unasked at most. */
const MAX_PAUSE_MS = 2_000;

/**
 * Keeps calls away from an instance that does not answer: the way is shut for a pause that grows, then one call is let
 * through to try, and the first good answer opens it. What fails together counts once: sixty calls that were under way
 * in one bad moment say no more than three, and say nothing about an instance that has answered a younger call since.
 * All times are monotonic ms.
 */
export class Breaker {
  #failures = 0;
  /** 0: the way is open. */
  #pause = 0;
  #shutAt = 0;
  #shutUntil = 0;
  /** When the youngest call that was answered had begun. */
  #answered = Number.NEGATIVE_INFINITY;

  /** Whether `admits` would let a call through. */
  willing(now: number): boolean {
    return this.#pause === 0 || now >= this.#shutUntil;
  }

  /** Whether a call may go there now. Letting one through to try postpones the next. */
  admits(now: number): boolean {
    if (!this.willing(now)) return false;
    if (this.#pause > 0) this.#shutUntil = now + this.#pause;
    return true;
  }

  /** A call that began at `begun` was answered. */
  succeeded(begun: number): void {
    this.#answered = Math.max(this.#answered, begun);
    this.#failures = 0;
    this.#pause = 0;
  }

  /** A call that began at `begun` was not. */
  failed(begun: number, now: number): void {
    if (begun < this.#answered) return;
    if (this.#pause > 0) {
      // Those that were under way when it was shut are the reason for the pause, not one for a longer pause.
      if (begun >= this.#shutAt) this.#shut(now, Math.min(MAX_PAUSE_MS, this.#pause * 2));
      return;
    }
    this.#failures += 1;
    if (this.#failures >= THRESHOLD) this.#shut(now, FIRST_PAUSE_MS);
  }

  #shut(now: number, pause: number): void {
    this.#pause = pause;
    this.#shutAt = now;
    this.#shutUntil = now + pause;
  }
}
