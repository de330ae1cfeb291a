import { decodeCommand, type ValidCommand } from "@dunlin/domain";
import type { QueueRecord, RecordBatch } from "@dunlin/engines/queue";

/** A record on its way through ingest: from where to where it moves its partition's offset. */
export interface Item {
  readonly partition: number;
  /** The partition's stored offset this record expects. */
  readonly from: number;
  /** The partition's stored offset once it is done. */
  readonly next: number;
  readonly record: QueueRecord;
  /** The command, or why the record can never be one. */
  readonly command: ValidCommand | string;
}

/**
 * A batch's records as items. `from` is where the store says the partition stands; records before it were stored by an
 * earlier run and come back apart (their deliveries may not have been produced).
 */
export const toItems = (batch: RecordBatch, stored: number): { redo: Item[]; fresh: Item[] } => {
  const redo: Item[] = [];
  const fresh: Item[] = [];
  let from = stored;
  for (const [index, record] of batch.records.entries()) {
    const next = index === batch.records.length - 1 ? batch.nextOffset : record.offset + 1;
    const item: Item = {
      partition: batch.partition,
      from,
      next,
      record,
      command: decodeCommand(record.key, record.value),
    };
    if (record.offset < stored) redo.push(item);
    else {
      fresh.push(item);
      from = next;
    }
  }
  return { redo, fresh };
};

/** Per partition, the offset that a run of items expects and the one it leaves. Items of a partition are in order. */
export const spans = (items: readonly Item[]): Map<number, { from: number; begin: number; next: number }> => {
  const result = new Map<number, { from: number; begin: number; next: number }>();
  for (const item of items) {
    const span = result.get(item.partition);
    if (span) span.next = item.next;
    else result.set(item.partition, { from: item.from, begin: item.record.offset, next: item.next });
  }
  return result;
};
