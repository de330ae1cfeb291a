/**
 * How records lie in the log. A frame is what one commit writes: records one after the other, of any partition. Spans
 * (what frames are sorted into later) use the same record layout, little-endian:
 *
 *   u32 partition id · f64 offset · f64 timestamp ms · u32 key bytes · u32 value bytes · key · value
 */
/** Bytes a record takes besides key and value. */
export const RECORD_HEADER = 28;

/** A buffer that grows by nothing: make it large enough for all records, RECORD_HEADER for each included. */
export class FrameWriter {
  readonly buffer: Buffer;
  readonly #view: DataView;
  #length = 0;

  constructor(room: number) {
    // Not from Node's pool: the memory is handed over to the worker as a whole.
    this.buffer = Buffer.allocUnsafeSlow(room);
    this.#view = new DataView(this.buffer.buffer);
  }

  get length(): number {
    return this.#length;
  }

  write(partitionId: number, offset: number, timestamp: number, key: string, value: Uint8Array): void {
    const at = this.#length;
    const view = this.#view;
    const keyLength = this.buffer.write(key, at + RECORD_HEADER, "utf8");
    view.setUint32(at, partitionId, true);
    view.setFloat64(at + 4, offset, true);
    view.setFloat64(at + 12, timestamp, true);
    view.setUint32(at + 20, keyLength, true);
    view.setUint32(at + 24, value.length, true);
    this.buffer.set(value, at + RECORD_HEADER + keyLength);
    this.#length = at + RECORD_HEADER + keyLength + value.length;
  }
}

/** One record's place in a frame; `end` is where the next one begins. */
export interface RecordPlace {
  readonly partitionId: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly start: number;
  readonly keyStart: number;
  readonly valueStart: number;
  readonly end: number;
}

/** Walks the records of a frame or span. @throws Error when the bytes are not whole records. */
export function* recordPlaces(bytes: Uint8Array): Generator<RecordPlace> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  while (start < bytes.length) {
    if (start + RECORD_HEADER > bytes.length) throw new Error("the queue's log holds a torn record");
    const keyStart = start + RECORD_HEADER;
    const valueStart = keyStart + view.getUint32(start + 20, true);
    const end = valueStart + view.getUint32(start + 24, true);
    if (end > bytes.length) throw new Error("the queue's log holds a torn record");
    yield {
      partitionId: view.getUint32(start, true),
      offset: view.getFloat64(start + 4, true),
      timestamp: view.getFloat64(start + 12, true),
      start,
      keyStart,
      valueStart,
      end,
    };
    start = end;
  }
}
