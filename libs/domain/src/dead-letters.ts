import type { ProduceRecord, QueueRecord } from "@dunlin/engines/queue";
import { queue as records, SCHEMA_VERSION } from "@dunlin/proto";

/** A record that cannot be applied, for the dead letters of its topic: where it stood, what it was, and why. */
export const deadLetterRecord = (topic: string, record: QueueRecord, reason: string, failedAt: number): ProduceRecord => ({
  key: record.key ?? "",
  value: records.DeadLetter.encode({
    version: SCHEMA_VERSION,
    topic,
    partition: record.partition,
    offset: record.offset,
    key: record.key ?? "",
    value: Buffer.from(record.value ?? []),
    keyMissing: record.key === null,
    valueMissing: record.value === null,
    reason,
    failedAt,
  }).finish(),
});
