import { Cron } from "croner";

/** How far back a schedule's last due time is looked for, s. */
const LOOK_BACK_S = 10 * 366 * 86_400;

/**
 * When something is due: a cron pattern (5 fields, or 6 with seconds first), in UTC. Knows nothing of what has run.
 * croner's own backward search fails on rare days (29 February), so the last due time is found by its forward search.
 */
export class Schedule {
  readonly #cron: Cron;

  /** @throws Error when the pattern is not one, or never comes. */
  constructor(readonly pattern: string) {
    this.#cron = new Cron(pattern, { timezone: "UTC", paused: true });
    if (this.#cron.nextRun() === null) throw new RangeError(`${pattern} never comes`);
  }

  /** The first due time after `at`, ms since 1970. */
  next(at: number): number {
    return this.#cron.nextRun(new Date(at))?.getTime() ?? Number.POSITIVE_INFINITY;
  }

  /** The last due time up to and including `at`, undefined when there was none in ten years. */
  last(at: number): number | undefined {
    const now = Math.floor(at / 1000);
    const nextS = (second: number): number => this.next(second * 1000) / 1000;
    // A due time in [now - back, now], going further back until there is one …
    let found: number | undefined;
    for (let back = 60; found === undefined; back *= 2) {
      const first = nextS(now - back - 1);
      if (first <= now) found = first;
      else if (back > LOOK_BACK_S) return undefined;
    }
    // … and from there the last: nothing is due in (high, now].
    let high = now;
    while (high > found) {
      const middle = Math.floor((found + high) / 2);
      const next = nextS(middle);
      if (next <= now) found = next;
      else high = middle;
    }
    return found * 1000;
  }
}

/** Which run of a job is to be done now, if any: the last due one, unless it or a later one was claimed already. */
export const dueRun = (schedule: Schedule, now: number, lastClaimed: number | undefined): number | undefined => {
  const last = schedule.last(now);
  return last !== undefined && (lastClaimed === undefined || lastClaimed < last) ? last : undefined;
};
