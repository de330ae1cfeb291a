import { DatabaseSync } from "@photostructure/sqlite";
import { recordPlaces } from "./frame.js";
import type { GroupOffset, LogState, StoredPartition, StoredTopic, TrimLimit, TrimResult } from "./protocol.js";

const FORMAT = 1;
/** A span's row id is partition id * 2^40 + first offset: rows lie in reading order, and stay exact in a double. */
const OFFSETS = 2 ** 40;
const MAX_PARTITIONS = 2 ** 12;
/** Frames are sorted into spans when this much waits. */
const SETTLE_BYTES = 2 * 1024 * 1024;
/** Beyond this, frames that could not be sorted (a full disk) stop commits: memory stays bounded. */
const UNSETTLED_MAX_BYTES = 16 * 1024 * 1024;
const SPAN_MAX_BYTES = 128 * 1024;
const TRIM_SLICE = 64;

const SCHEMA = `
  CREATE TABLE partitions (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    first INTEGER NOT NULL, "end" INTEGER NOT NULL, UNIQUE (topic, partition)) STRICT;
  CREATE TABLE offsets (grp TEXT NOT NULL, partition_id INTEGER NOT NULL, "offset" INTEGER NOT NULL,
    PRIMARY KEY (grp, partition_id)) STRICT, WITHOUT ROWID;
  CREATE TABLE frames (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
  CREATE TABLE spans (id INTEGER PRIMARY KEY, last INTEGER NOT NULL, ts INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
  PRAGMA user_version = ${FORMAT};`;

interface PartitionRow {
  id: number;
  topic: string;
  partition: number;
  first: number;
  end: number;
}

/**
 * The log's file. A commit appends one row, the frame, whatever partitions it touches: the cost of a commit is its
 * bytes and one fsync. Frames are later sorted into spans (runs of one partition), from which is read and trimmed.
 * Used from the worker only: every call blocks.
 */
export class LogFile {
  readonly #db: InstanceType<typeof DatabaseSync>;
  readonly #unsettled: Uint8Array[] = [];
  #unsettledBytes = 0;
  readonly #insertFrame;
  readonly #insertSpan;
  readonly #setOffset;
  readonly #setEnd;
  readonly #spanAt;
  readonly #spansFrom;
  readonly #spanHeads;

  /** @throws Error naming the file when it is locked, damaged or of another format. */
  constructor(file: string) {
    try {
      this.#db = new DatabaseSync(file, { timeout: 500 });
    } catch (cause) {
      throw new Error(`the queue's log ${file} cannot be opened: ${String(cause)}`, { cause });
    }
    try {
      // Exclusive from the first access on: no second process, and no shared-memory file.
      this.#db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
      this.#db.exec("PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -8192");
      this.#db.exec("BEGIN IMMEDIATE");
      const { user_version: version } = this.#db.prepare("PRAGMA user_version").get() as { user_version: number };
      if (version === 0) this.#db.exec(SCHEMA);
      else if (version !== FORMAT) throw new Error(`it has format ${version}, this program reads ${FORMAT}`);
      this.#db.exec("COMMIT");
      this.#insertFrame = this.#db.prepare("INSERT INTO frames (data) VALUES (?)");
      this.#insertSpan = this.#db.prepare("INSERT INTO spans (id, last, ts, data) VALUES (?, ?, ?, ?)");
      this.#setOffset = this.#db.prepare(
        'INSERT INTO offsets VALUES (?, ?, ?) ON CONFLICT (grp, partition_id) DO UPDATE SET "offset" = excluded."offset"',
      );
      this.#setEnd = this.#db.prepare('UPDATE partitions SET "end" = ? WHERE id = ?');
      this.#spanAt = this.#db.prepare("SELECT id FROM spans WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1");
      this.#spansFrom = this.#db.prepare("SELECT id, data FROM spans WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 8");
      this.#spanHeads = this.#db.prepare("SELECT id, last, ts FROM spans WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?");
      for (const { data } of this.#db.prepare("SELECT data FROM frames ORDER BY id").all() as { data: Uint8Array }[]) this.#keep(data);
      this.settle();
    } catch (error) {
      this.#db.close();
      const why = isBusy(error)
        ? "is in use by another process"
        : `cannot be used: ${error instanceof Error ? error.message : String(error)}`;
      throw new Error(`the queue's log ${file} ${why}`, { cause: error });
    }
  }

  state(): LogState {
    return {
      topics: this.#topics(),
      offsets: this.#db
        .prepare('SELECT grp AS "group", partition_id AS partitionId, "offset" FROM offsets')
        .all()
        .map((row) => ({ ...(row as GroupOffset) })),
      bytes: this.bytes(),
    };
  }

  /** Bytes of the file that hold something. */
  bytes(): number {
    const value = (pragma: string): number => Object.values(this.#db.prepare(`PRAGMA ${pragma}`).get() as Record<string, number>)[0] ?? 0;
    return (value("page_count") - value("freelist_count")) * value("page_size");
  }

  ensureTopics(topics: readonly { name: string; partitions: number }[]): readonly StoredTopic[] {
    this.#transaction(() => {
      const insert = this.#db.prepare('INSERT INTO partitions (id, topic, partition, first, "end") VALUES (?, ?, ?, 0, 0)');
      for (const { name, partitions } of topics) {
        const rows = this.#partitions();
        const there = rows.filter((row) => row.topic === name).length;
        if (there === partitions) continue;
        if (there > 0) throw new Error(`topic ${name} has ${there} partitions, not ${partitions}`);
        const base = rows.reduce((max, row) => Math.max(max, row.id + 1), 0);
        if (base + partitions > MAX_PARTITIONS) throw new Error(`more than ${MAX_PARTITIONS} partitions`);
        for (let partition = 0; partition < partitions; partition++) insert.run(base + partition, name, partition);
      }
    });
    return this.#topics();
  }

  /** Makes a frame and committed offsets durable. When it throws, nothing of it is there. */
  commit(frame: Uint8Array | undefined, offsets: readonly GroupOffset[]): void {
    if (this.#unsettledBytes > UNSETTLED_MAX_BYTES) this.settle();
    if (offsets.length === 0) {
      if (frame) this.#insertFrame.run(frame);
    } else {
      this.#transaction(() => {
        if (frame) this.#insertFrame.run(frame);
        for (const { group, partitionId, offset } of offsets) this.#setOffset.run(group, partitionId, offset);
      });
    }
    if (frame) this.#keep(frame);
  }

  /** Whether settling is due; asked after a commit has been answered, so that nobody waits for it. */
  get settleDue(): boolean {
    return this.#unsettledBytes >= SETTLE_BYTES;
  }

  /** Sorts the frames into spans. */
  settle(): void {
    if (this.#unsettled.length === 0) return;
    const spans = new Map<number, Span>();
    const ready: Span[] = [];
    const ends = new Map<number, number>();
    for (const frame of this.#unsettled) {
      for (const place of recordPlaces(frame)) {
        let span = spans.get(place.partitionId);
        if (span === undefined || span.bytes >= SPAN_MAX_BYTES) {
          span = { partitionId: place.partitionId, first: place.offset, last: 0, timestamp: 0, parts: [], bytes: 0 };
          spans.set(place.partitionId, span);
          ready.push(span);
        }
        span.last = place.offset;
        span.timestamp = place.timestamp;
        span.parts.push(frame.subarray(place.start, place.end));
        span.bytes += place.end - place.start;
        ends.set(place.partitionId, place.offset + 1);
      }
    }
    ready.sort((a, b) => a.partitionId - b.partitionId);
    this.#transaction(() => {
      for (const span of ready) {
        this.#insertSpan.run(span.partitionId * OFFSETS + span.first, span.last, span.timestamp, Buffer.concat(span.parts, span.bytes));
      }
      for (const [partitionId, end] of ends) this.#setEnd.run(end, partitionId);
      this.#db.exec("DELETE FROM frames");
    });
    this.#unsettled.length = 0;
    this.#unsettledBytes = 0;
  }

  /** Whole records of one partition from an offset on, in the layout of frame.ts; at least one if there is any. */
  read(partitionId: number, from: number, limit: number, maxBytes: number): Uint8Array {
    this.settle();
    const base = partitionId * OFFSETS;
    const at = this.#spanAt.get(base, base + from) as { id: number } | undefined;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (let next = at?.id ?? base; ; ) {
      const rows = this.#spansFrom.all(next, base + OFFSETS - 1) as { id: number; data: Uint8Array }[];
      for (const { id, data } of rows) {
        next = id + 1;
        for (const place of recordPlaces(data)) {
          if (place.offset < from) continue;
          const size = place.end - place.start;
          if (parts.length >= limit || (parts.length > 0 && bytes + size > maxBytes)) return joined(parts, bytes);
          parts.push(data.subarray(place.start, place.end));
          bytes += size;
        }
      }
      if (rows.length === 0) return joined(parts, bytes);
    }
  }

  /** Deletes a slice of spans that lie wholly below the limits and are old enough. */
  trim(before: readonly TrimLimit[]): TrimResult {
    this.settle();
    const remove = this.#db.prepare("DELETE FROM spans WHERE id BETWEEN ? AND ?");
    const setFirst = this.#db.prepare("UPDATE partitions SET first = ? WHERE id = ?");
    const firsts: { partitionId: number; offset: number }[] = [];
    let left = TRIM_SLICE;
    this.#transaction(() => {
      for (const { partitionId, offset, olderThan } of before) {
        if (left === 0) return;
        const base = partitionId * OFFSETS;
        const rows = this.#spanHeads.all(base, base + offset, left) as { id: number; last: number; ts: number }[];
        // Only a run from the start, so that what is left has no hole.
        const kept = rows.findIndex((row) => row.last >= offset || row.ts >= olderThan);
        const newest = rows[kept === -1 ? rows.length - 1 : kept - 1];
        if (newest === undefined) continue;
        remove.run(base, newest.id);
        setFirst.run(newest.last + 1, partitionId);
        firsts.push({ partitionId, offset: newest.last + 1 });
        left -= kept === -1 ? rows.length : kept;
      }
    });
    return { firsts, more: left === 0 };
  }

  /** Sorts what is left, so that the next opening has nothing to do, and closes. */
  close(): void {
    try {
      this.settle();
    } finally {
      this.#db.close();
    }
  }

  #keep(frame: Uint8Array): void {
    this.#unsettled.push(frame);
    this.#unsettledBytes += frame.length;
  }

  #partitions(): PartitionRow[] {
    return this.#db.prepare('SELECT id, topic, partition, first, "end" FROM partitions ORDER BY id').all() as PartitionRow[];
  }

  #topics(): StoredTopic[] {
    const topics = new Map<string, StoredPartition[]>();
    for (const { id, topic, partition, first, end } of this.#partitions()) {
      const list = topics.get(topic) ?? [];
      list.push({ partitionId: id, partition, first, end });
      topics.set(topic, list);
    }
    return [...topics].map(([name, partitions]) => ({ name, partitions }));
  }

  #transaction(work: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      // Some errors (a full disk) have rolled back already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}

interface Span {
  readonly partitionId: number;
  readonly first: number;
  last: number;
  timestamp: number;
  readonly parts: Uint8Array[];
  bytes: number;
}

// Not Buffer.concat: memory from Node's pool cannot be handed to another thread.
const joined = (parts: readonly Uint8Array[], bytes: number): Uint8Array => {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

const isBusy = (error: unknown): boolean => error instanceof Error && "sqliteCode" in error && error.sqliteCode === 5;
