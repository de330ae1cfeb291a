import { sleep } from "@dunlin/runtime";
import { Assignment } from "../assignment.js";
import type { QueueMeters } from "../meters.js";
import type { PartitionLog } from "../partition-log.js";
import type { ConsumeOptions, Consumer } from "../port.js";

/** How long a batch may go on after its partition was taken away before the next owner begins, ms. */
const HANDOVER_MS = 30_000;

/** Where a group stands and what its readers need; the engine's side. */
export interface GroupStore {
  committed(partition: number): number;
  commit(partition: number, offset: number): void;
  /** A runner of this partition reads next at `position`; undefined: it has stopped. */
  moved(partition: number, runner: object, position: number | undefined): void;
}

interface Member {
  readonly options: ConsumeOptions;
  readonly assignment: Assignment;
  /** What was taken away from it and whose batch has not ended. */
  readonly leaving: Set<Promise<void>>;
}

/** The consumers of one group on one topic in this process. Partitions are split into runs, one for each member. */
export class ConsumerGroup {
  readonly #partitions: readonly PartitionLog[];
  readonly #store: GroupStore;
  readonly #meters: QueueMeters;
  readonly #members: Member[] = [];
  /** The same of all, also of members that have left. */
  readonly #leaving = new Set<Promise<void>>();
  #work: Promise<void> = Promise.resolve();

  constructor(partitions: readonly PartitionLog[], store: GroupStore, meters: QueueMeters) {
    this.#partitions = partitions;
    this.#store = store;
    this.#meters = meters;
  }

  join(options: ConsumeOptions): Consumer {
    const { committed, commit, moved } = this.#store;
    const assignment = new Assignment({ options, meters: this.#meters, committed, commit, moved });
    const member: Member = { options, assignment, leaving: new Set() };
    this.#members.push(member);
    this.#rebalance();
    let closing: Promise<void> | undefined;
    return {
      close: () => {
        closing ??= this.#leave(member);
        return closing;
      },
    };
  }

  async #leave(member: Member): Promise<void> {
    this.#members.splice(this.#members.indexOf(member), 1);
    this.#take(member, member.assignment.partitions);
    this.#rebalance();
    await Promise.all(member.leaving);
  }

  /** One at a time, in order. */
  #rebalance(): void {
    this.#work = this.#work.then(async () => {
      const share = Math.ceil(this.#partitions.length / Math.max(1, this.#members.length));
      const plan = this.#members.map((member, i) => ({ member, wanted: this.#partitions.slice(i * share, (i + 1) * share) }));
      for (const { member, wanted } of plan) {
        const kept = new Set(wanted.map((log) => log.partition));
        this.#take(
          member,
          member.assignment.partitions.filter((partition) => !kept.has(partition)),
        );
      }
      await handedOver(this.#leaving);
      for (const { member, wanted } of plan) {
        if (!this.#members.includes(member)) continue; // left meanwhile
        member.assignment.add(wanted);
        member.assignment.announce();
      }
    });
  }

  #take(member: Member, partitions: readonly number[]): void {
    const batches = member.assignment.remove(partitions).finally(() => {
      member.leaving.delete(batches);
      this.#leaving.delete(batches);
    });
    member.leaving.add(batches);
    this.#leaving.add(batches);
  }
}

const handedOver = async (leaving: ReadonlySet<Promise<void>>): Promise<void> => {
  if (leaving.size === 0) return;
  const late = new AbortController();
  await Promise.race([Promise.all(leaving), sleep(HANDOVER_MS, late.signal)]);
  late.abort();
};
