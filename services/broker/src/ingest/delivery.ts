import { type CommandOutcome, type Delivery, type LiveGateways, MENTION_ALL } from "@dunlin/domain";
import type { Cache } from "@dunlin/engines/cache";
import type { ProduceRecord, Queue } from "@dunlin/engines/queue";
import type { MessageRow } from "@dunlin/engines/store";
import { deliveriesTopic, errors, PUSHES, queue as records, resultsChannel, SCHEMA_VERSION } from "@dunlin/proto";
import { backoffMs, type Clock, type Logger, type Metrics, sleep } from "@dunlin/runtime";

/** A record of deliveries.<slot> stays below this, so that no engine refuses it. */
const RECORD_BYTES = 256 * 1024;
const RETRY_BASE_MS = 50;
const RETRY_CAP_MS = 2_000;

export interface DeliveryDeps {
  readonly queue: Queue;
  readonly cache: Cache;
  readonly gateways: LiveGateways;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** Sends what a committed batch has made: to the brokers of connected users, and to the pushes for the others. */
export class Deliverer {
  readonly #pushed;
  readonly #retries;

  constructor(private readonly deps: DeliveryDeps) {
    this.#pushed = deps.metrics.counter("dunlin_pushes_total", "Messages handed to the push queue");
    this.#retries = deps.metrics.counter("dunlin_ingest_produce_retries_total", "Deliveries and pushes that had to be produced again", [
      "topic",
    ]);
  }

  /**
   * Resolves when everything is produced, or is wanted by nobody any more. Until then the partition's next batch waits:
   * what a crash leaves undone is at most one batch, and that one is redone.
   * @throws what the queue threw last when `stopped` turns true first.
   */
  async deliver(deliveries: readonly Delivery[], stopped: () => boolean): Promise<void> {
    if (deliveries.length === 0) return;
    const users = new Set<string>();
    for (const delivery of deliveries) {
      for (const target of delivery.targets) users.add(target.userId);
      // A gateway's route for a supergroup says that it has somebody who follows it.
      if (delivery.supergroup) users.add(delivery.supergroup.id);
    }
    const slotsOf = await this.#route([...users]);
    const bySlot = new Map<number, { delivery: Delivery; targets: Delivery["targets"] }[]>();
    const pushes: ProduceRecord[] = [];
    for (const delivery of deliveries) {
      const targetsAt = new Map<number, Delivery["targets"]>();
      if (delivery.supergroup) for (const slot of slotsOf(delivery.supergroup.id).at) targetsAt.set(slot, []);
      for (const target of delivery.targets) {
        const slots = slotsOf(target.userId);
        for (const slot of slots.at) {
          const there = targetsAt.get(slot);
          if (there) there.push(target);
          else targetsAt.set(slot, [target]);
        }
        const { message } = delivery;
        if (message && target.userId !== message.from && slots.connected !== true) pushes.push(pushRecord(delivery, target));
      }
      for (const [slot, targets] of targetsAt) {
        const entries = bySlot.get(slot);
        if (entries) entries.push({ delivery, targets });
        else bySlot.set(slot, [{ delivery, targets }]);
      }
    }
    const storedAt = this.deps.clock.now();
    await Promise.all([
      ...[...bySlot].map(([slot, entries]) =>
        this.#produce(deliveriesTopic(slot), encode(entries, storedAt), stopped, () => this.deps.gateways.has(slot)),
      ),
      pushes.length > 0 ? this.#produce(PUSHES, pushes, stopped, () => true) : undefined,
    ]);
    if (pushes.length > 0) this.#pushed.inc(pushes.length);
  }

  /** Tells waiting callers what came of their commands. Fleeting: a caller that hears nothing answers "accepted". */
  async report(outcomes: readonly CommandOutcome[]): Promise<void> {
    await Promise.all(
      outcomes.map((outcome) =>
        this.deps.cache
          .publish(
            resultsChannel(outcome.replySlot),
            records.CommandResult.encode({
              version: SCHEMA_VERSION,
              commandId: outcome.commandId,
              code: errors[outcome.code].code,
            }).finish(),
          )
          .catch((error: unknown) => this.deps.logger.debug({ err: error }, "a result was not published")),
      ),
    );
  }

  /**
   * Where each user is connected. Without the cache nobody knows: then every gateway gets everything (it drops what it
   * has no connection for), and a push goes out too, since one too many beats one lost.
   */
  async #route(users: readonly string[]): Promise<(userId: string) => { at: readonly number[]; connected: boolean }> {
    const { gateways, logger } = this.deps;
    try {
      const routes = await gateways.routes(users);
      return (userId) => {
        const at = [...new Set(routes.get(userId)?.map((route) => route.slot))];
        return { at, connected: at.length > 0 };
      };
    } catch (error) {
      logger.warn({ err: error }, "no routes: delivering to every gateway");
      const everywhere = { at: gateways.slots(), connected: false };
      return () => everywhere;
    }
  }

  async #produce(topic: string, produced: readonly ProduceRecord[], stopped: () => boolean, wanted: () => boolean): Promise<void> {
    for (let attempt = 0; wanted(); attempt++) {
      try {
        await this.deps.queue.produce(topic, produced);
        return;
      } catch (error) {
        if (stopped()) throw error;
        this.#retries.inc({ topic: topic === PUSHES ? PUSHES : "deliveries" });
        this.deps.logger.warn({ err: error, topic, attempt }, "producing again");
        await sleep(backoffMs(attempt, RETRY_BASE_MS, RETRY_CAP_MS));
      }
    }
  }
}

const encode = (entries: readonly { delivery: Delivery; targets: Delivery["targets"] }[], storedAt: number): ProduceRecord[] => {
  const produced: ProduceRecord[] = [];
  let part: records.DeliveryEntry[] = [];
  let supergroups: records.SupergroupEntry[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (part.length === 0 && supergroups.length === 0) return;
    produced.push({ key: "", value: records.Delivery.encode({ version: SCHEMA_VERSION, entries: part, supergroups }).finish() });
    part = [];
    supergroups = [];
    bytes = 0;
  };
  for (const { delivery, targets } of entries) {
    if (delivery.supergroup) {
      const { id, seq, frame } = delivery.supergroup;
      supergroups.push({ supergroupId: id, seq, frame, storedAt });
      bytes += frame.length * 3;
    } else part.push({ type: delivery.type, rest: delivery.rest, targets, storedAt });
    // At worst three bytes a character; targets are an id of 15 and a number each.
    bytes += delivery.rest.length * 3 + targets.length * 28;
    if (bytes >= RECORD_BYTES) flush();
  }
  flush();
  return produced;
};

const mentions = (message: MessageRow, userId: string): boolean => {
  if (message.mentions === null) return false;
  const mentioned = JSON.parse(message.mentions) as string[];
  return mentioned.includes(userId) || mentioned.includes(MENTION_ALL);
};

const pushRecord = ({ message, push }: Delivery, target: { userId: string; pts: number }): ProduceRecord => {
  if (!message) throw new Error("a push needs a message");
  return {
    key: target.userId,
    value: records.Push.encode({
      version: SCHEMA_VERSION,
      userId: target.userId,
      messageId: message.id,
      conversationId: message.conversationId,
      type: message.type,
      from: message.from,
      payload: message.payload,
      push,
      pts: target.pts,
      createdAt: message.createdAt,
      mention: mentions(message, target.userId),
    }).finish(),
  };
};
