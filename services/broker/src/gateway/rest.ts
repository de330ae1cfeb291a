const FIRST_MS = 250;
const MAX_MS = 2_000;

/** After a failure nothing is tried for a while, longer each time, until something succeeds. All times are monotonic ms. */
export class Rest {
  #failures = 0;
  #until = Number.NEGATIVE_INFINITY;

  resting(now: number): boolean {
    return now < this.#until;
  }

  /** What fails while it rests was begun before: it is the same failure. @returns whether this is the first in a row */
  failed(now: number): boolean {
    if (this.resting(now)) return false;
    this.#until = now + Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    return this.#failures === 1;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#until = Number.NEGATIVE_INFINITY;
  }
}
