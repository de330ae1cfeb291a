import type { QueueRecord } from "../port.js";

/** Bytes a record is counted with besides its value: objects, key, list entry. */
const RECORD_OVERHEAD = 200;

export const memoryOf = (record: QueueRecord): number => RECORD_OVERHEAD + (record.value?.length ?? 0);

/** The newest records of one partition, in memory: `first` to `end` without a hole. */
export class Tail {
  #records: QueueRecord[] = [];
  /** Records before this index have been dropped; they are cut off when they are many. */
  #dropped = 0;
  #bytes = 0;
  #end: number;
  readonly #wakers = new Set<() => void>();
  readonly #followers = new Set<(records: readonly QueueRecord[]) => void>();

  constructor(end: number) {
    this.#end = end;
  }

  get first(): number {
    return this.#end - this.length;
  }

  get end(): number {
    return this.#end;
  }

  get length(): number {
    return this.#records.length - this.#dropped;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): QueueRecord | undefined {
    return this.#records[this.#dropped];
  }

  /** Appends records whose offsets go on from `end`, and wakes who waits. */
  append(records: readonly QueueRecord[]): void {
    for (const record of records) {
      this.#records.push(record);
      this.#bytes += memoryOf(record);
    }
    this.#end += records.length;
    for (const follow of this.#followers) follow(records);
    if (this.#wakers.size === 0) return;
    const wakers = [...this.#wakers];
    this.#wakers.clear();
    for (const wake of wakers) wake();
  }

  /** @throws RangeError when `from` is not in the tail. */
  slice(from: number, limit: number): QueueRecord[] {
    if (from < this.first) throw new RangeError(`offset ${from} is not in memory any more`);
    const at = this.#dropped + from - this.first;
    return this.#records.slice(at, at + limit);
  }

  /** Forgets records below `offset`; returns the bytes freed. */
  dropBefore(offset: number): number {
    const drop = Math.min(offset - this.first, this.length);
    if (drop <= 0) return 0;
    let freed = 0;
    for (let i = this.#dropped; i < this.#dropped + drop; i++) freed += memoryOf(this.#records[i] as QueueRecord);
    this.#dropped += drop;
    this.#bytes -= freed;
    if (this.#dropped === this.#records.length) {
      this.#records = [];
      this.#dropped = 0;
    } else if (this.#dropped > 1024 && this.#dropped > this.#records.length / 2) {
      this.#records = this.#records.slice(this.#dropped);
      this.#dropped = 0;
    }
    return freed;
  }

  /** Calls with all that is appended from now on. Returns how to end it. */
  follow(listener: (records: readonly QueueRecord[]) => void): () => void {
    this.#followers.add(listener);
    return () => void this.#followers.delete(listener);
  }

  onceChanged(wake: () => void): () => void {
    this.#wakers.add(wake);
    return () => void this.#wakers.delete(wake);
  }
}
