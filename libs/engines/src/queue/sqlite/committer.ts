import { AppError, type Clock, type Logger } from "@dunlin/runtime";
import type { QueueMeters } from "../meters.js";
import { partitionOf } from "../murmur2.js";
import type { ProduceRecord, QueueRecord } from "../port.js";
import { sizeOf } from "../record-size.js";
import type { DurablePartition } from "./durable-partition.js";
import { FrameWriter, RECORD_HEADER } from "./frame.js";
import type { LogWorker } from "./log-worker.js";
import type { GroupOffset } from "./protocol.js";

/** A commit takes what waits, up to this, so that nobody waits for a huge one. */
const FRAME_MAX_BYTES = 4 * 1024 * 1024;
/**
 * Commits begin at least so far apart, unless much waits, ms: each wakes a thread and syncs the disk, which costs several times
 * what a record does. A call after a quiet time waits for nothing.
 */
const PACE_MS = 2;
const MUCH_BYTES = 64 * 1024;
/** Committed offsets may be lost for so long (their batches come again); they ride on the next commit before that. */
const OFFSETS_AFTER_MS = 100;

export interface CommitterDeps {
  readonly worker: LogWorker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meters: QueueMeters;
  /** Bytes that may wait. */
  readonly maxWaiting: number;
  /** Bytes the log may reach. */
  readonly maxLog: number;
  /** Records are durable: make them visible. */
  readonly committed: (partition: DurablePartition, records: QueueRecord[]) => void;
}

interface Call {
  readonly partitions: readonly DurablePartition[];
  readonly records: readonly ProduceRecord[];
  readonly room: number;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
}

/**
 * Group commit: one frame at a time is with the worker; calls that come meanwhile make the next one. A lone call goes
 * at the end of this turn of the event loop.
 */
export class Committer {
  readonly #deps: CommitterDeps;
  #waiting: Call[] = [];
  #waitingBytes = 0;
  #offsets = new Map<string, GroupOffset>();
  #busy: Promise<void> | undefined;
  #scheduled = false;
  #began = Number.NEGATIVE_INFINITY;
  #offsetsTimer: NodeJS.Timeout | undefined;

  constructor(deps: CommitterDeps) {
    this.#deps = deps;
  }

  /** @throws AppError QUEUE_FULL, TOO_LARGE, UNAVAILABLE */
  async produce(partitions: readonly DurablePartition[], records: readonly ProduceRecord[]): Promise<void> {
    const { maxWaiting, maxLog, worker, meters } = this.#deps;
    if (this.#waitingBytes > maxWaiting || worker.bytes > maxLog) {
      meters.error("full");
      throw new AppError("QUEUE_FULL", undefined, { retryAfterS: 1 });
    }
    let room = 0;
    for (const record of records) room += RECORD_HEADER + sizeOf(record);
    this.#waitingBytes += room;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ partitions, records, room, resolve, reject });
      this.#schedule();
    });
  }

  /** Notes a group's offset; durable within a tenth of a second. */
  setOffset(offset: GroupOffset): void {
    this.#offsets.set(`${offset.partitionId} ${offset.group}`, offset);
    this.#offsetsTimer ??= setTimeout(() => {
      this.#offsetsTimer = undefined;
      this.#flush();
    }, OFFSETS_AFTER_MS);
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
    this.#flush();
    while (this.#busy !== undefined) await this.#busy;
    clearTimeout(this.#offsetsTimer);
    this.#offsetsTimer = undefined;
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    const flush = (): void => {
      this.#scheduled = false;
      this.#flush();
    };
    const wait = this.#waitingBytes > MUCH_BYTES ? 0 : this.#began + PACE_MS - performance.now();
    if (wait > 0) setTimeout(flush, wait);
    else setImmediate(flush);
  }

  #flush(): void {
    if (this.#busy || (this.#waiting.length === 0 && this.#offsets.size === 0)) return;
    clearTimeout(this.#offsetsTimer);
    this.#offsetsTimer = undefined;
    this.#began = performance.now();
    this.#busy = this.#commit();
  }

  async #commit(): Promise<void> {
    const calls = this.#take();
    const offsets = this.#offsets;
    this.#offsets = new Map();
    const room = calls.reduce((sum, call) => sum + call.room, 0);
    let failure: AppError | undefined;
    try {
      const writer = calls.length > 0 ? new FrameWriter(room) : undefined;
      const added = writer ? this.#write(calls, writer) : new Map<DurablePartition, QueueRecord[]>();
      const frame = writer?.buffer.buffer as ArrayBuffer | undefined;
      const request = { kind: "commit", frame, length: writer?.length ?? 0, offsets: [...offsets.values()] } as const;
      await this.#deps.worker.ask<"commit">(request, frame ? [frame] : []);
      for (const [partition, records] of added) this.#deps.committed(partition, records);
    } catch (cause) {
      this.#deps.meters.error("log");
      this.#deps.logger.error({ err: cause }, "the queue's log refused a commit");
      failure = new AppError("UNAVAILABLE", undefined, { cause, retryAfterS: 1 });
      for (const [name, offset] of offsets) if (!this.#offsets.has(name)) this.#offsets.set(name, offset);
    }
    this.#waitingBytes -= room;
    this.#busy = undefined;
    // The worker gets its next frame before the callers go on.
    this.#schedule();
    for (const call of calls) {
      if (failure) call.reject(failure);
      else call.resolve();
    }
  }

  #take(): Call[] {
    let bytes = 0;
    const count = this.#waiting.findIndex((call, i) => {
      bytes += call.room;
      return i > 0 && bytes > FRAME_MAX_BYTES;
    });
    if (count === -1) {
      const all = this.#waiting;
      this.#waiting = [];
      return all;
    }
    return this.#waiting.splice(0, count);
  }

  #write(calls: readonly Call[], writer: FrameWriter): Map<DurablePartition, QueueRecord[]> {
    const timestamp = this.#deps.clock.now();
    const added = new Map<DurablePartition, QueueRecord[]>();
    for (const { partitions, records } of calls) {
      for (const { key, value } of records) {
        const partition = partitions[partitionOf(key, partitions.length)] as DurablePartition;
        let list = added.get(partition);
        if (list === undefined) {
          list = [];
          added.set(partition, list);
        }
        const offset = partition.end + list.length;
        list.push({ partition: partition.partition, offset, key, value, timestamp });
        writer.write(partition.id, offset, timestamp, key, value);
      }
    }
    return added;
  }
}
