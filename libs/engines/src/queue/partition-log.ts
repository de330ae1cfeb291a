import type { QueueRecord } from "./port.js";

/** What reading a partition needs, whatever keeps its records. */
export interface PartitionLog {
  readonly partition: number;
  /** The oldest record that is still there. */
  readonly first: number;
  /** The offset the next record will get, as far as is known here. */
  readonly end: number;
  /** Brings `first` and `end` up to date, where they are kept elsewhere. */
  refresh?(): Promise<void>;
  /** Records from `from` on, `first <= from <= end`: at least one, or undefined when there is none yet. */
  take(from: number, limit: number): readonly QueueRecord[] | Promise<readonly QueueRecord[]> | undefined;
  /** Calls back once when there may be more to take, or `first` or `end` changed otherwise. Returns how to give up waiting. */
  onceChanged(wake: () => void): () => void;
}
