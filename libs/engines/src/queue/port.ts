/**
 * The queue: a partitioned, durable log. One record has one place (topic, partition, offset) for ever.
 *
 * Guarantees every engine gives:
 * - `produce` resolves only when every record is durable (survives kill -9 of every process of ours); when it rejects,
 *   the records may or may not be there. It never resolves early and never reorders records of one call with one key. A record may
 *   be there more than once (a request repeated after its answer was lost).
 * - Records of one key go to one partition (murmur2 of the key's UTF-8 bytes, as Kafka's default partitioner does).
 * - A consumer group reads each partition in offset order, at least once, one batch of a partition at a time; different
 *   partitions run concurrently. Where a partition begins is the caller's to say (`position`), else the group's
 *   committed offset, else the earliest record.
 * - Two consumers may for a short time believe they own one partition. Who must not be harmed by that fences in its
 *   own store.
 * - Memory is bounded: at most `maxRecords` records a batch are handed out, a bounded number prefetched, and produce
 *   rejects with QUEUE_FULL (retryable) when more than the configured bytes wait to be written.
 */
export interface Queue {
  readonly engine: "sqlite" | "kafka";
  /** Creates what is missing. A topic that has another number of partitions is an error (Error, naming both numbers). */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  /**
   * @throws AppError QUEUE_FULL or UNAVAILABLE (both retryable; with UNAVAILABLE the outcome is unknown); TOO_LARGE when
   * a record has more than MAX_RECORD_BYTES, then none of the call is there.
   */
  produce(topic: string, records: readonly ProduceRecord[]): Promise<void>;
  consume(options: ConsumeOptions): Promise<Consumer>;
  /**
   * Follows a transient topic of one partition from its end, without a group. When the promise resolves, every record
   * produced from now on will be handed out. Losses are allowed (restart of the engine); order is kept.
   */
  tail(topic: string, onRecords: (records: readonly QueueRecord[]) => void): Promise<Consumer>;
  /** Reads records without a group, for inspection. `end` is the offset the next record will get. */
  read(topic: string, partition: number, fromOffset: number, limit: number): Promise<{ records: QueueRecord[]; end: number }>;
  /** Per partition: where the group stands by its committed offsets (0 when none), and the end. */
  lag(topic: string, group: string): Promise<PartitionPosition[]>;
  /** Rejects when the engine cannot be reached within a second. */
  ping(): Promise<void>;
  /** Idempotent. Consumers are closed first. */
  close(): Promise<void>;
}

/** Bytes that key and value of a record may have together (what Kafka takes with its defaults, less some room). */
export const MAX_RECORD_BYTES = 900 * 1024;

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** A transient topic may lose records when the engine restarts, and keeps them for minutes only. */
  readonly durable: boolean;
  /**
   * Records older than this go, read or not, ms; in a log of bounded size also earlier, the oldest first, when it is
   * nearly full. For what is worth nothing when it is late and must not stop the other topics. Unset: a durable topic
   * keeps its records until every group that reads it has passed them (on Kafka: for as long as Kafka is configured to).
   */
  readonly retentionMs?: number;
  /**
   * In the embedded engine, producers wait a moment while consumers of the topic are further behind than so many records and
   * moving: both share one event loop. In a cluster they do not.
   */
  readonly maxBehind?: number;
}

export interface ProduceRecord {
  readonly key: string;
  /** The queue keeps this array and hands it out again: do not change it after the call. */
  readonly value: Uint8Array;
}

export interface QueueRecord {
  readonly partition: number;
  readonly offset: number;
  /** null only for records that another program produced. */
  readonly key: string | null;
  readonly value: Uint8Array | null;
  /** When the engine took it, ms since 1970. */
  readonly timestamp: number;
}

export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly QueueRecord[];
  /** Where the partition is read next: the last record's offset + 1 (offsets may have gaps). */
  readonly nextOffset: number;
  /** The partition's end when the batch was read. */
  readonly end: number;
  /** Aborts when the partition is taken away or the consumer closes: stop, the rest is somebody else's. */
  readonly signal: AbortSignal;
}

export interface ConsumeOptions {
  readonly group: string;
  readonly topic: string;
  /** At most this many records a batch. */
  readonly maxRecords: number;
  /**
   * Where newly assigned partitions begin; a partition missing from the answer begins at the group's committed offset.
   * Asked at every assignment, retried while it rejects. A position whose records are gone is reported through
   * `onError` and reading begins at the earliest record; one beyond the end (the log was lost or replaced) is reported
   * again and again, and nothing is handed out until `position` or the log is put right.
   */
  readonly position?: (partitions: readonly number[]) => Promise<ReadonlyMap<number, number>>;
  /**
   * Handles a batch; resolving means done, the offset is committed and the next one comes. When it rejects with
   * PartitionLost the partition is positioned anew (`position` is asked again); with anything else the same batch comes
   * again after a back-off (100 ms doubling to 5 s).
   */
  readonly onBatch: (batch: RecordBatch) => Promise<void>;
  /** The partitions this consumer now owns, at every change; for metrics and logs. */
  readonly onAssigned?: (partitions: readonly number[]) => void;
  /** Something is wrong that the consumer goes on from by itself (retries, rebalances); for logs and metrics. */
  readonly onError?: (error: unknown) => void;
}

/** Thrown by a batch handler whose store says that another consumer owns the partition. */
export class PartitionLost extends Error {
  override readonly name = "PartitionLost";
}

export interface Consumer {
  /** Stops handing out, waits for the batches under way, leaves the group. Idempotent. */
  close(): Promise<void>;
}

export interface PartitionPosition {
  readonly partition: number;
  readonly committed: number;
  readonly end: number;
}
