import { deadLetterRecord } from "@dunlin/domain";
import type { Queue } from "@dunlin/engines/queue";
import { COMMANDS, deadTopic } from "@dunlin/proto";
import type { Clock, Logger, Metrics } from "@dunlin/runtime";
import type { Item } from "./slice.js";

/** Produces dead letters for records of `commands`, with where each stood and why. Resolves when they are durable. */
export const createBury =
  ({ queue, clock, logger, metrics }: { queue: Queue; clock: Clock; logger: Logger; metrics: Metrics }) =>
  async (entries: readonly { item: Item; reason: string }[]): Promise<void> => {
    const count = metrics.counter("dunlin_dead_letters_total", "Records that could not be applied", ["topic"]);
    await queue.produce(
      deadTopic(COMMANDS),
      entries.map(({ item, reason }) => deadLetterRecord(COMMANDS, item.record, reason, clock.now())),
    );
    for (const { item, reason } of entries) {
      count.inc({ topic: COMMANDS });
      logger.error({ topic: COMMANDS, partition: item.partition, offset: item.record.offset, reason }, "dead letter");
    }
  };
