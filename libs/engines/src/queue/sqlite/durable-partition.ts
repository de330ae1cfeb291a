import type { PartitionLog } from "../partition-log.js";
import type { QueueRecord } from "../port.js";
import { recordPlaces } from "./frame.js";
import type { LogWorker } from "./log-worker.js";
import { Tail } from "./tail.js";

/** Bytes read from the file for one batch at most. */
const READ_BYTES = 4 * 1024 * 1024;

/** A partition of a durable topic: its records are in the log's file, the newest also in memory. */
export class DurablePartition implements PartitionLog {
  readonly tail: Tail;
  first: number;
  readonly #worker: LogWorker;
  readonly #readers = new Map<object, number>();

  constructor(
    worker: LogWorker,
    readonly id: number,
    readonly partition: number,
    first: number,
    end: number,
  ) {
    this.#worker = worker;
    this.first = first;
    this.tail = new Tail(end);
  }

  get end(): number {
    return this.tail.end;
  }

  take(from: number, limit: number): readonly QueueRecord[] | Promise<readonly QueueRecord[]> | undefined {
    if (from >= this.end) return undefined;
    return from >= this.tail.first ? this.tail.slice(from, limit) : this.#read(from, limit);
  }

  onceChanged(wake: () => void): () => void {
    return this.tail.onceChanged(wake);
  }

  /** Notes where a reader stands; returns the bytes of memory freed because every reader is past them. */
  moved(reader: object, position: number | undefined): number {
    if (position === undefined) {
      this.#readers.delete(reader);
      return 0;
    }
    this.#readers.set(reader, position);
    return this.tail.dropBefore(this.#readers.size === 1 ? position : Math.min(...this.#readers.values()));
  }

  async #read(from: number, limit: number): Promise<QueueRecord[]> {
    const bytes = await this.#worker.ask({ kind: "read", partitionId: this.id, from, limit, maxBytes: READ_BYTES });
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const records: QueueRecord[] = [];
    for (const { offset, timestamp, keyStart, valueStart, end } of recordPlaces(bytes)) {
      records.push({
        partition: this.partition,
        offset,
        key: buffer.toString("utf8", keyStart, valueStart),
        value: bytes.subarray(valueStart, end),
        timestamp,
      });
    }
    if (records[0]?.offset !== from) throw new Error(`the queue's log does not hold record ${from} of partition ${this.id}`);
    return records;
  }
}

/** That records of a partition, up to `end`, were appended. */
interface Note {
  readonly partition: DurablePartition;
  readonly end: number;
}

const NOTES_MIN = 4_096;

/** What all tails together hold in memory, bounded: the oldest goes first. */
export class TailMemory {
  readonly #max: number;
  #bytes = 0;
  /** Which records were appended when: the oldest first. */
  #appended: Note[] = [];
  #next = 0;
  /** With so many notes those are thrown away whose records are gone. */
  #tidyAt = NOTES_MIN;

  constructor(maxBytes: number) {
    this.#max = maxBytes;
  }

  append(partition: DurablePartition, records: readonly QueueRecord[]): void {
    const before = partition.tail.bytes;
    this.#appended.push({ partition, end: partition.end + records.length });
    partition.tail.append(records);
    this.#bytes += partition.tail.bytes - before;
    while (this.#bytes > this.#max || this.#isPassed(this.#appended[this.#next])) {
      const oldest = this.#appended[this.#next++];
      if (oldest === undefined) break;
      this.#bytes -= oldest.partition.tail.dropBefore(oldest.end);
    }
    if (this.#appended.length >= this.#tidyAt) this.#tidy();
  }

  /** Notes of what was appended, for tests. */
  get notes(): number {
    return this.#appended.length;
  }

  freed(bytes: number): void {
    this.#bytes -= bytes;
  }

  /**
   * A partition that nobody reads, or whose reader is stuck, keeps its oldest note at the head: what was passed behind it
   * is found here. What stays has records in memory, whose bytes are bounded.
   */
  #tidy(): void {
    this.#appended = this.#appended.slice(this.#next).filter((note) => !this.#isPassed(note));
    this.#next = 0;
    this.#tidyAt = Math.max(NOTES_MIN, this.#appended.length * 2);
  }

  #isPassed(note: Note | undefined): boolean {
    return note !== undefined && note.end <= note.partition.tail.first;
  }
}
