import type { PartitionLog } from "../partition-log.js";
import type { QueueRecord } from "../port.js";
import type { Bounds } from "./cluster.js";
import type { Fetched, FetchTarget } from "./fetcher.js";

/** Nothing is asked for while this much waits to be handled. */
const BUFFER_BYTES = 512 * 1024;

/** What the partitions of one consumer hold together, so that many partitions do not add up. */
export class BufferBudget {
  static readonly MAX = 32 * 1024 * 1024;
  bytes = 0;

  get spent(): boolean {
    return this.bytes >= BufferBudget.MAX;
  }
}

export interface KafkaPartitionDeps {
  readonly topic: string;
  readonly partition: number;
  readonly budget: BufferBudget;
  /** Asks Kafka for the bounds. */
  readonly bounds: () => Promise<Bounds>;
  /** Records may be wanted again. */
  readonly poke: () => void;
  readonly onError: (error: unknown) => void;
}

/** A partition of a topic in Kafka, read ahead into memory a little. */
export class KafkaPartition implements PartitionLog, FetchTarget {
  readonly topic: string;
  readonly partition: number;
  readonly #deps: KafkaPartitionDeps;
  first = 0;
  end = 0;
  #records: QueueRecord[] = [];
  #bytes = 0;
  /** The offset behind what has been fetched; undefined before the first `take`, and while the bounds are in doubt. */
  #next: number | undefined;
  /** The offset `take` asked for last. */
  #from: number | undefined;
  #closed = false;
  readonly #wakers = new Set<() => void>();

  constructor(deps: KafkaPartitionDeps) {
    this.#deps = deps;
    this.topic = deps.topic;
    this.partition = deps.partition;
  }

  get wanted(): number | undefined {
    // One that has nothing is always read: others whose batches fail may hold all the memory for long.
    return this.#bytes === 0 || (this.#bytes < BUFFER_BYTES && !this.#deps.budget.spent) ? this.#next : undefined;
  }

  known(bounds: Bounds): void {
    this.first = bounds.first;
    this.end = bounds.end;
  }

  async refresh(): Promise<void> {
    this.known(await this.#deps.bounds());
  }

  take(from: number, limit: number): QueueRecord[] | undefined {
    const full = this.wanted === undefined;
    const { spent } = this.#deps.budget;
    if (this.#closed) return undefined;
    if (this.#from === undefined || this.#next === undefined || from < this.#from || from > this.#next) this.#seek(from);
    this.#from = from;
    let passed = 0;
    while ((this.#records[passed]?.offset ?? from) < from) passed++;
    this.#drop(passed);
    if ((full && this.wanted !== undefined) || (spent && !this.#deps.budget.spent)) this.#deps.poke();
    return this.#records.length > 0 ? this.#records.slice(0, limit) : undefined;
  }

  onceChanged(wake: () => void): () => void {
    this.#wakers.add(wake);
    return () => void this.#wakers.delete(wake);
  }

  deliver({ records, next, end }: Fetched): void {
    this.#next = next;
    this.end = end;
    if (records.length === 0) return;
    for (const record of records) {
      this.#records.push(record);
      const size = sizeOf(record);
      this.#bytes += size;
      this.#deps.budget.bytes += size;
    }
    this.#wake();
  }

  /** The reader finds out by the new bounds: it is before the first record or behind the end, and says so. */
  outOfRange(): void {
    this.#next = undefined;
    if (this.#closed) return;
    this.refresh().then(
      () => this.#wake(),
      (error: unknown) => {
        this.#deps.onError(error);
        setTimeout(() => this.outOfRange(), 1_000).unref();
      },
    );
  }

  /** Gives its memory back. */
  close(): void {
    this.#closed = true;
    this.#drop(this.#records.length);
    this.#next = undefined;
  }

  #seek(from: number): void {
    this.#drop(this.#records.length);
    this.#next = from;
    this.#deps.poke();
  }

  #drop(count: number): void {
    if (count === 0) return;
    let freed = 0;
    for (const record of this.#records.splice(0, count)) freed += sizeOf(record);
    this.#bytes -= freed;
    this.#deps.budget.bytes -= freed;
  }

  #wake(): void {
    const wakers = [...this.#wakers];
    this.#wakers.clear();
    for (const wake of wakers) wake();
  }
}

const sizeOf = (record: QueueRecord): number => 200 + (record.value?.length ?? 0);
