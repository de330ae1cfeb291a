import { sleep } from "@dunlin/runtime";
import type { QueueMeters } from "../meters.js";
import type { ConsumeOptions, Consumer } from "../port.js";
import { untilDone } from "../retry.js";
import { Runner } from "./runner.js";
import type { PartitionLog } from "./tail.js";

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
  readonly abort: AbortController;
  readonly runners: Map<number, Runner>;
}

/** The consumers of one group on one topic in this process. Partitions are split into runs, one for each member. */
export class ConsumerGroup {
  readonly #partitions: readonly PartitionLog[];
  readonly #store: GroupStore;
  readonly #meters: QueueMeters;
  readonly #members: Member[] = [];
  /** Stopped runners whose batch has not ended. */
  readonly #leaving = new Set<Promise<void>>();
  #work: Promise<void> = Promise.resolve();

  constructor(partitions: readonly PartitionLog[], store: GroupStore, meters: QueueMeters) {
    this.#partitions = partitions;
    this.#store = store;
    this.#meters = meters;
  }

  join(options: ConsumeOptions): Consumer {
    const member: Member = { options, abort: new AbortController(), runners: new Map() };
    this.#members.push(member);
    void this.#rebalance();
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
    member.abort.abort();
    const batches = this.#stop(member, [...member.runners.keys()]);
    void this.#rebalance();
    await batches;
  }

  /** One at a time, in order. */
  #rebalance(): Promise<void> {
    this.#work = this.#work.then(async () => {
      const members = [...this.#members];
      const share = Math.ceil(this.#partitions.length / Math.max(1, members.length));
      const plan = members.map((member, i) => ({ member, wanted: this.#partitions.slice(i * share, (i + 1) * share) }));
      for (const { member, wanted } of plan) {
        const kept = new Set(wanted.map((log) => log.partition));
        void this.#stop(
          member,
          [...member.runners.keys()].filter((partition) => !kept.has(partition)),
        );
      }
      await handedOver(this.#leaving);
      for (const { member, wanted } of plan) this.#assign(member, wanted);
    });
    return this.#work;
  }

  #assign(member: Member, wanted: readonly PartitionLog[]): void {
    const { options, abort, runners } = member;
    if (abort.signal.aborted) return; // left meanwhile
    const added = wanted.filter((log) => !runners.has(log.partition));
    const unwanted = new AbortController();
    const starts = this.#starts(member, added, unwanted.signal);
    const done = added.map((log) => {
      const { partition } = log;
      const handle = {};
      const runner = new Runner(
        {
          log,
          options,
          meters: this.#meters,
          committed: () => this.#store.committed(partition),
          commit: (offset) => this.#store.commit(partition, offset),
          moved: (position) => this.#store.moved(partition, handle, position),
        },
        starts.then((positions) => positions?.get(partition) ?? this.#store.committed(partition)),
      );
      runners.set(partition, runner);
      return runner.done.finally(() => this.#store.moved(partition, handle, undefined));
    });
    void Promise.all(done).then(() => unwanted.abort());
    options.onAssigned?.([...runners.keys()].sort((a, b) => a - b));
  }

  /** One question for all that is new. Nobody waits for the answer but the runners, which may be stopped meanwhile. */
  async #starts(
    { options }: Member,
    added: readonly PartitionLog[],
    unwanted: AbortSignal,
  ): Promise<ReadonlyMap<number, number> | undefined> {
    const { position } = options;
    if (position === undefined || added.length === 0) return undefined;
    return untilDone(
      () => position(added.map((log) => log.partition)),
      unwanted,
      (error) => {
        this.#meters.error("position");
        options.onError?.(error);
      },
    );
  }

  /** Resolves when the batches under way have ended. */
  async #stop(member: Member, partitions: readonly number[]): Promise<void> {
    const stopped = partitions.map((partition) => {
      const runner = member.runners.get(partition);
      member.runners.delete(partition);
      runner?.stop();
      return runner?.done;
    });
    const all = Promise.all(stopped).then(() => undefined);
    this.#leaving.add(all);
    await all;
    this.#leaving.delete(all);
  }
}

const handedOver = async (leaving: ReadonlySet<Promise<void>>): Promise<void> => {
  if (leaving.size === 0) return;
  const late = new AbortController();
  await Promise.race([Promise.all(leaving), sleep(HANDOVER_MS, late.signal)]);
  late.abort();
};
