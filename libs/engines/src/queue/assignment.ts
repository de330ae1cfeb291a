import type { QueueMeters } from "./meters.js";
import type { PartitionLog } from "./partition-log.js";
import type { ConsumeOptions } from "./port.js";
import { untilDone } from "./retry.js";
import { Runner } from "./runner.js";

export interface AssignmentDeps {
  readonly options: ConsumeOptions;
  readonly meters: QueueMeters;
  /** Where the group stands, once `prepare` has resolved. */
  readonly committed: (partition: number) => number;
  readonly commit: (partition: number, offset: number) => void;
  /** A runner of this partition reads next at `position`; undefined: it has stopped. */
  readonly moved?: (partition: number, runner: object, position: number | undefined) => void;
  /**
   * Whatever must be known of new partitions before they begin; retried while it rejects. Answers those of which it is not
   * known yet: each of them asks for itself (`position`, `refresh`), so that the others need not wait.
   */
  readonly prepare?: (partitions: readonly number[]) => Promise<ReadonlySet<number>>;
}

interface Starts {
  readonly positions: ReadonlyMap<number, number> | undefined;
  readonly unready: ReadonlySet<number> | undefined;
}

/** The partitions that one consumer owns, each with its runner. */
export class Assignment {
  readonly #deps: AssignmentDeps;
  readonly #runners = new Map<number, Runner>();

  constructor(deps: AssignmentDeps) {
    this.#deps = deps;
  }

  get partitions(): number[] {
    return [...this.#runners.keys()].sort((a, b) => a - b);
  }

  get runners(): ReadonlyMap<number, Runner> {
    return this.#runners;
  }

  /** Tells the consumer what it owns now; its failure is its own. */
  announce(): void {
    const { options } = this.#deps;
    try {
      options.onAssigned?.(this.partitions);
    } catch (error) {
      options.onError?.(error);
    }
  }

  /** Starts a runner for each log that has none. */
  add(logs: readonly PartitionLog[]): void {
    const { options, meters, committed, commit, moved } = this.#deps;
    const added = logs.filter((log) => !this.#runners.has(log.partition));
    if (added.length === 0) return;
    const unwanted = new AbortController();
    const starts = this.#starts(
      added.map((log) => log.partition),
      unwanted.signal,
    );
    const done = added.map((log) => {
      const { partition } = log;
      const handle = {};
      const runner = new Runner(
        {
          log,
          options,
          meters,
          committed: () => committed(partition),
          commit: (offset) => commit(partition, offset),
          ...(moved ? { moved: (position: number) => moved(partition, handle, position) } : {}),
        },
        starts.then((known) =>
          known === undefined || known.unready?.has(partition) ? undefined : (known.positions?.get(partition) ?? committed(partition)),
        ),
      );
      this.#runners.set(partition, runner);
      return runner.done.finally(() => moved?.(partition, handle, undefined));
    });
    void Promise.all(done).then(() => unwanted.abort());
  }

  /** Takes partitions away. Resolves when the batches under way have ended. */
  async remove(partitions: Iterable<number>): Promise<void> {
    const done: (Promise<void> | undefined)[] = [];
    for (const partition of partitions) {
      const runner = this.#runners.get(partition);
      this.#runners.delete(partition);
      runner?.stop();
      done.push(runner?.done);
    }
    await Promise.all(done);
  }

  /** One question for all that is new. Nobody waits for the answer but the runners, which may be stopped meanwhile. */
  async #starts(partitions: readonly number[], unwanted: AbortSignal): Promise<Starts | undefined> {
    const { options, meters, prepare } = this.#deps;
    return untilDone(
      async () => {
        const positions = await options.position?.(partitions);
        return { positions, unready: await prepare?.(partitions) };
      },
      unwanted,
      (error) => {
        meters.error("position");
        options.onError?.(error);
      },
    );
  }
}
