import { applyCommands, type Effects, type IngestRules, type ValidCommand } from "@dunlin/domain";
import type { Store } from "@dunlin/engines/store";
import { COMMANDS } from "@dunlin/proto";
import { AppError, type Clock } from "@dunlin/runtime";
import { type Item, spans } from "./slice.js";

/** The store says that these partitions do not stand where the items expect: another consumer has moved them. */
export class Fenced extends Error {
  override readonly name = "Fenced";
  constructor(readonly partitions: readonly number[]) {
    super(`partitions ${partitions.join(", ")} were moved by another consumer`);
  }
}

export interface WriterDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly rules: IngestRules;
  /** Durably keeps a record that cannot be applied; must succeed before the offset moves past it. */
  readonly bury: (items: readonly { item: Item; reason: string }[]) => Promise<void>;
}

const reasonOf = (error: unknown): string => {
  const cause = error instanceof AppError && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error instanceof Error ? error.message : String(error)}${cause}`.slice(0, 500);
};

/** Whether trying the same items again can help: the store is away, not the data wrong. */
export const isPassing = (error: unknown): boolean => error instanceof AppError && error.code === "UNAVAILABLE";

export interface Commit {
  /** Called after each commit with its effects, so that deliveries leave as early as they may. */
  readonly done: (items: readonly Item[], effects: Effects) => void;
  /** Resolves when the effects of all commits so far are out. */
  readonly finished: () => Promise<void>;
}

/**
 * Writes items of one or several partitions in one transaction and moves their offsets.
 * Items that are no commands are buried first. When the data itself makes the transaction fail, the items are halved
 * until the one to blame stands alone; it is buried and the rest commits.
 * @throws Fenced, or AppError UNAVAILABLE (nothing of the failing part is written).
 */
export const writeItems = async (deps: WriterDeps, items: readonly Item[], commit: Commit): Promise<void> => {
  const broken = items.filter((item) => typeof item.command === "string");
  if (broken.length > 0) await deps.bury(broken.map((item) => ({ item, reason: item.command as string })));
  await writeOrHalve(deps, items, commit);
};

const writeOrHalve = async (deps: WriterDeps, items: readonly Item[], commit: Commit): Promise<void> => {
  let effects: Effects;
  try {
    effects = await transact(deps, items, true);
  } catch (error) {
    if (error instanceof Fenced || isPassing(error)) throw error;
    if (items.length > 1) {
      const middle = items.length >> 1;
      await writeOrHalve(deps, items.slice(0, middle), commit);
      // The second half's offsets row forgets where the first began.
      await commit.finished();
      await writeOrHalve(deps, items.slice(middle), commit);
      return;
    }
    const item = items[0] as Item;
    await deps.bury([{ item, reason: reasonOf(error) }]);
    effects = await transact(deps, items, false);
  }
  commit.done(items, effects);
};

const transact = async ({ store, clock, rules, bury }: WriterDeps, items: readonly Item[], apply: boolean): Promise<Effects> => {
  const moves = spans(items);
  const indexed: { item: Item; command: ValidCommand }[] = [];
  if (apply) for (const item of items) if (typeof item.command !== "string") indexed.push({ item, command: item.command });
  return store.ingest.transaction(async (tx) => {
    const commands = indexed.map((entry) => entry.command);
    // The offsets' locks come first; what is worked out meanwhile is thrown away when the partition is somebody else's.
    const [stored, { changes, effects }] = await Promise.all([
      tx.lockOffsets(
        COMMANDS,
        [...moves.keys()].sort((a, b) => a - b),
      ),
      applyCommands(tx, commands, rules, clock),
    ]);
    const lost = [...moves].filter(([partition, span]) => (stored.get(partition) ?? 0) !== span.from);
    if (lost.length > 0) throw new Fenced(lost.map(([partition]) => partition));
    if (effects.dead.length > 0) {
      await bury(effects.dead.map(({ index, reason }) => ({ item: (indexed[index] as { item: Item }).item, reason })));
    }
    tx.write({
      ...changes,
      offsets: [...moves].map(([partition, span]) => ({
        topic: COMMANDS,
        partition,
        nextOffset: span.next,
        batchBegin: span.begin,
      })),
    });
    return effects;
  });
};
