/** Frames held at most, and their length together in UTF-16 units. */
const MAX_FRAMES = 64;
const MAX_LENGTH = 64 * 1024;

/** Frames that came before their turn (two partitions may deliver out of order), by pts. Bounded: what does not fit is in the mailbox. */
export class Reorder {
  readonly #frames = new Map<number, string>();
  #length = 0;

  /** @param since when the hole was first seen, monotonic ms */
  constructor(readonly since: number) {}

  get size(): number {
    return this.#frames.size;
  }

  /** False when there is no place: the hole is to be filled from the mailbox now. */
  put(pts: number, frame: string): boolean {
    if (this.#frames.has(pts)) return true;
    if (this.#frames.size >= MAX_FRAMES || this.#length + frame.length > MAX_LENGTH) return false;
    this.#frames.set(pts, frame);
    this.#length += frame.length;
    return true;
  }

  /** The frame whose turn it is, taken out. */
  take(pts: number): string | undefined {
    const frame = this.#frames.get(pts);
    if (frame === undefined) return undefined;
    this.#frames.delete(pts);
    this.#length -= frame.length;
    return frame;
  }

  /** Forgets what has been sent meanwhile by another way. */
  dropUpTo(pts: number): void {
    for (const [held, frame] of this.#frames) {
      if (held > pts) continue;
      this.#frames.delete(held);
      this.#length -= frame.length;
    }
  }
}
