import type { Queue } from "@dunlin/engines/queue";
import { COMMANDS, deadTopic, queue as records, SCHEMA_VERSION } from "@dunlin/proto";
import type { Clock, Logger, Metrics } from "@dunlin/runtime";
import type { Item } from "./slice.js";

/** Produces dead letters for records of `commands`, with where each stood and why. Resolves when they are durable. */
export const createBury =
  ({ queue, clock, logger, metrics }: { queue: Queue; clock: Clock; logger: Logger; metrics: Metrics }) =>
  async (entries: readonly { item: Item; reason: string }[]): Promise<void> => {
    const count = metrics.counter("dunlin_dead_letters_total", "Records that could not be applied", ["topic"]);
    await queue.produce(
      deadTopic(COMMANDS),
      entries.map(({ item, reason }) => ({
        key: item.record.key ?? "",
        value: records.DeadLetter.encode({
          version: SCHEMA_VERSION,
          topic: COMMANDS,
          partition: item.partition,
          offset: item.record.offset,
          key: item.record.key ?? "",
          value: Buffer.from(item.record.value ?? []),
          keyMissing: item.record.key === null,
          valueMissing: item.record.value === null,
          reason,
          failedAt: clock.now(),
        }).finish(),
      })),
    );
    for (const { item, reason } of entries) {
      count.inc({ topic: COMMANDS });
      logger.error({ topic: COMMANDS, partition: item.partition, offset: item.record.offset, reason }, "dead letter");
    }
  };
