import type { PartitionLog } from "../partition-log.js";
import type { QueueRecord } from "../port.js";
import { Tail } from "./tail.js";

const MAX_RECORDS = 10_000;
const MAX_BYTES = 4 * 1024 * 1024;
const KEEP_MS = 10 * 60_000;

/** A partition of a transient topic: a bounded ring in memory that forgets the oldest. */
export class TransientPartition implements PartitionLog {
  readonly tail = new Tail(0);

  constructor(readonly partition: number) {}

  get first(): number {
    return this.tail.first;
  }

  get end(): number {
    return this.tail.end;
  }

  append(records: readonly QueueRecord[]): void {
    this.tail.append(records);
    while (this.tail.length > MAX_RECORDS || this.tail.bytes > MAX_BYTES) this.tail.dropBefore(this.first + 1);
  }

  /** Forgets what has been kept for long enough. */
  expire(now: number): void {
    while ((this.tail.oldest?.timestamp ?? now) < now - KEEP_MS) this.tail.dropBefore(this.first + 1);
  }

  take(from: number, limit: number): readonly QueueRecord[] | undefined {
    return from >= this.end ? undefined : this.tail.slice(from, limit);
  }

  onceChanged(wake: () => void): () => void {
    return this.tail.onceChanged(wake);
  }
}
