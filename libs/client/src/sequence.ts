interface Placed {
  readonly pts: number;
}

/**
 * Puts updates in the order of their pts: each is handed out once, never before its predecessor. What comes early waits
 * in a bounded buffer; what does not fit there is dropped and comes again with the difference.
 */
export class Sequence<T extends Placed> {
  #pts: number;
  #missed = 0;
  readonly #early = new Map<number, T>();

  constructor(
    pts: number,
    private readonly earlyMax = 500,
  ) {
    this.#pts = pts;
  }

  /** The highest pts up to which nothing is missing. */
  get pts(): number {
    return this.#pts;
  }

  /** Whether something is known to exist that has not come yet. */
  get hole(): boolean {
    return this.#early.size > 0 || this.#missed > this.#pts;
  }

  /** Takes one update; answers what can be shown now, in order. */
  take(update: T): T[] {
    if (update.pts <= this.#pts) return [];
    if (update.pts !== this.#pts + 1) {
      if (this.#early.size < this.earlyMax) this.#early.set(update.pts, update);
      else this.#missed = Math.max(this.#missed, update.pts);
      return [];
    }
    const ready = [update];
    this.#pts = update.pts;
    for (let next = this.#early.get(this.#pts + 1); next; next = this.#early.get(this.#pts + 1)) {
      this.#early.delete(next.pts);
      this.#pts = next.pts;
      ready.push(next);
    }
    return ready;
  }

  /** Begins anew behind `pts`; what waited is forgotten. */
  reset(pts: number): void {
    this.#pts = pts;
    this.#missed = 0;
    this.#early.clear();
  }
}
