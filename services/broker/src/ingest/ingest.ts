import { durableTopics, type IngestRules, LiveGateways, publishPresence } from "@dunlin/domain";
import type { Cache } from "@dunlin/engines/cache";
import { type Consumer, PartitionLost, type Queue, type RecordBatch } from "@dunlin/engines/queue";
import type { Registry } from "@dunlin/engines/registry";
import { noChanges, type Store } from "@dunlin/engines/store";
import { COMMANDS } from "@dunlin/proto";
import type { Clock, Health, Logger, Metrics, Service } from "@dunlin/runtime";
import { createBury } from "./dead-letters.js";
import { Deliverer } from "./delivery.js";
import { Lane } from "./lane.js";
import { redoDeliveries } from "./redo.js";
import { toItems } from "./slice.js";
import { writeItems } from "./writer.js";

const GROUP = "ingest";
/** Records of one partition in a batch. */
const BATCH_RECORDS = 500;
/** Records in one transaction: large enough to spread its cost, small enough for two to alternate. */
const TRANSACTION_RECORDS = 1_000;
/** How far apart transactions begin at least, ms (decision 0008). */
const PACE_MS = 4;

export interface IngestContext {
  readonly queue: Queue;
  readonly store: Store;
  readonly cache: Cache;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly clock: Clock;
  readonly rules: IngestRules;
  /** Partitions of the topic commands. */
  readonly partitions: number;
}

/**
 * The ingest role: consumes accepted commands, stores them with seq and pts in one transaction together with the
 * partition's offset, and hands out what they made. The store's offsets are the truth; the queue's are a hint.
 */
export const createIngest = (ctx: IngestContext): Service => {
  const { queue, store, clock, logger, metrics } = ctx;
  const gateways = new LiveGateways(ctx.registry, ctx.cache);
  const deliverer = new Deliverer({ queue, cache: ctx.cache, gateways, logger, metrics, clock });
  const stored = metrics.counter("dunlin_messages_stored_total", "Messages stored");
  const batchRecords = metrics.histogram(
    "dunlin_ingest_batch_records",
    "Records in a transaction",
    [],
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000],
  );
  const batchSeconds = metrics.histogram("dunlin_ingest_batch_seconds", "Time of a transaction");
  const lag = metrics.gauge("dunlin_ingest_lag", "Commands accepted but not stored", ["partition"]);
  /** partition → where the store has it, as far as this process knows */
  const positions = new Map<number, number>();
  /** partition → up to where this process has handed out everything that was stored */
  const delivered = new Map<number, number>();
  let consumer: Consumer | undefined;

  const writer = { store, clock, rules: ctx.rules, bury: createBury({ queue, clock, logger, metrics }) };
  const lane = new Lane({
    logger,
    maxRecords: TRANSACTION_RECORDS,
    paceMs: PACE_MS,
    write: async (items, commit) => {
      const began = clock.monotonic();
      batchRecords.observe(items.length);
      await writeItems(writer, items, {
        done: (part, effects) => {
          stored.inc(effects.stored);
          for (const item of part) positions.set(item.partition, item.next);
          commit.done(part, effects);
        },
        finished: commit.finished,
      });
      batchSeconds.observe((clock.monotonic() - began) / 1000);
    },
    finish: async (effects, stopped) => {
      await deliverer.deliver(effects.deliveries, stopped);
      if (effects.outcomes.length > 0) await deliverer.report(effects.outcomes);
      if (effects.visibility.length > 0) {
        await publishPresence(ctx.cache, "privacy", effects.visibility).catch((error: unknown) => {
          logger.debug({ err: error }, "who may see whom has changed, and gateways could not be told");
        });
      }
    },
  });

  /** Partitions begin where their last stored batch began, so that its deliveries are produced again. */
  const position = async (partitions: readonly number[]): Promise<Map<number, number>> => {
    const offsets = await store.ingest.offsets(COMMANDS, partitions);
    const begin = new Map<number, number>();
    for (const partition of partitions) {
      const offset = offsets.get(partition);
      positions.set(partition, offset?.nextOffset ?? 0);
      begin.set(partition, offset ? Math.min(offset.batchBegin, offset.nextOffset) : 0);
    }
    return begin;
  };

  const onBatch = async (batch: RecordBatch): Promise<void> => {
    const { redo, fresh } = toItems(batch, positions.get(batch.partition) ?? 0);
    const first = fresh[0];
    // Offsets may have gaps (compaction, transactions), but a batch that begins behind the store's place is not ours.
    if (first && first.record.offset < first.from) throw new PartitionLost(`partition ${batch.partition} is elsewhere`);
    if (redo.length > 0) {
      await deliverer.deliver(await redoDeliveries(store, redo), () => batch.signal.aborted);
      logger.info({ partition: batch.partition, records: redo.length }, "deliveries of the last batch produced again");
    }
    if (fresh.length > 0) await lane.run(batch.partition, fresh, batch.signal);
    delivered.set(batch.partition, batch.nextOffset);
    lag.set({ partition: String(batch.partition) }, Math.max(0, batch.end - batch.nextOffset));
  };

  /** A clean stop leaves nothing to redo where everything was handed out: the next owner begins behind the last batch. */
  const settle = async (): Promise<void> => {
    await store.ingest.transaction(async (tx) => {
      const now = await tx.lockOffsets(
        COMMANDS,
        [...delivered.keys()].sort((a, b) => a - b),
      );
      const offsets = [...now]
        .filter(([partition, next]) => delivered.get(partition) === next)
        .map(([partition, next]) => ({ topic: COMMANDS, partition, nextOffset: next, batchBegin: next }));
      if (offsets.length === 0) return;
      tx.write({ ...noChanges, offsets });
    });
  };

  return {
    name: "ingest",
    start: async () => {
      await queue.ensureTopics(durableTopics(ctx.partitions));
      await gateways.start();
      consumer = await queue.consume({
        group: GROUP,
        topic: COMMANDS,
        maxRecords: BATCH_RECORDS,
        position,
        onBatch,
        onAssigned: (partitions) => {
          for (const known of [...positions.keys()]) if (!partitions.includes(known)) lag.remove({ partition: String(known) });
          logger.info({ partitions: partitions.length }, "ingest partitions assigned");
        },
        onError: (error) => logger.warn({ err: error }, "ingest consumer"),
      });
    },
    drain: async () => {
      await consumer?.close();
      if (delivered.size > 0) await settle();
    },
    stop: async () => {
      await consumer?.close();
      await gateways.stop();
    },
  };
};
