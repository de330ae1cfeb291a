import type { Runner } from "../runner.js";

const LOOK_EVERY_MS = 10_000;
const STALLED_MS = 60_000;

export interface WatchdogDeps {
  readonly runners: () => ReadonlyMap<number, Runner>;
  readonly ends: (partitions: readonly number[]) => Promise<ReadonlyMap<number, number>>;
  /** Whether nothing has been heard of the group for too long. */
  readonly silent: () => boolean;
  readonly stalled: (error: Error) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Finds a consumer that has records to read and does not move, for a minute, without its handler having any: that is
 * the client's fault, and the cure is a new client. A handler that takes a minute is only told about.
 */
export class Watchdog {
  readonly #deps: WatchdogDeps;
  readonly #timer: NodeJS.Timeout;
  readonly #seen = new Map<number, { runner: Runner; position: number | undefined; since: number }>();
  #looking = false;

  constructor(deps: WatchdogDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      if (this.#deps.silent()) return this.#deps.stalled(new Error("nothing heard of the consumer group for 30 s"));
      const still = this.#still(performance.now());
      const busy = still.filter(([, runner]) => runner.handling).map(([partition]) => partition);
      if (busy.length > 0) this.#deps.onError(new Error(`the handler has had a batch of partitions ${busy.join(", ")} for a minute`));
      const waiting = still.filter(([, runner]) => !runner.handling && runner.position !== undefined);
      if (waiting.length === 0) return;
      const ends = await this.#deps.ends(waiting.map(([partition]) => partition));
      const stalled = waiting.filter(([partition, runner]) => (ends.get(partition) ?? 0) > (runner.position ?? 0));
      if (stalled.length === 0) return;
      this.#seen.clear();
      this.#deps.stalled(
        new Error(`partitions ${stalled.map(([partition]) => partition).join(", ")} have records and did not move for a minute`),
      );
    } catch {
      // Kafka is away: then nothing can move, and others say so.
    } finally {
      this.#looking = false;
    }
  }

  /** Partitions that have not moved for a minute; each is given another one then. */
  #still(now: number): [number, Runner][] {
    const runners = this.#deps.runners();
    for (const partition of this.#seen.keys()) if (!runners.has(partition)) this.#seen.delete(partition);
    const still: [number, Runner][] = [];
    for (const [partition, runner] of runners) {
      const seen = this.#seen.get(partition);
      const moved = seen === undefined || seen.runner !== runner || seen.position !== runner.position;
      if (!moved && now - seen.since < STALLED_MS) continue;
      if (!moved) still.push([partition, runner]);
      this.#seen.set(partition, { runner, position: runner.position, since: now });
    }
    return still;
  }
}
