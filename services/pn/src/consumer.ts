import { type DndSettings, deadLetterRecord, dndOf, quiet } from "@dunlin/domain";
import type { QueueRecord, RecordBatch } from "@dunlin/engines/queue";
import type { SessionRow } from "@dunlin/engines/store";
import { deadTopic, PUSHES } from "@dunlin/proto";
import { backoffMs, sleep } from "@dunlin/runtime";
import type { PnContext } from "./context.js";
import { decodePush, type ValidPush } from "./decode.js";
import type { Push } from "./provider.js";
import type { Sender } from "./sender.js";

/** Pauses while store or queue is away: the first, and the longest, ms. */
const AWAY_MS = 200;
const AWAY_MAX_MS = 5_000;
/** A provider's reason is kept, but not a page of it. */
const REASON_MAX = 500;

/** The partition went to somebody else, or the service ends, before the batch was done: it will come again. */
class Stopped extends Error {
  override readonly name = "Stopped";
}

/** What a user wants to hear, as it was when the batch came: read once for all of the user's pushes in it. */
interface Peace {
  readonly dnd: DndSettings;
  /** peer → ms since 1970 */
  readonly mutedUntil: Map<string, number>;
}

/** Takes batches of the topic `pushes`: every push goes to each device of its user, or to the dead letters; none is dropped. */
export class PushConsumer {
  readonly #dead;
  readonly #quiet;
  /** What is done of a partition's batch, should the same batch come again. */
  readonly #done = new Map<number, Set<number>>();

  constructor(
    private readonly context: Pick<PnContext, "store" | "queue" | "clock" | "logger" | "metrics">,
    private readonly sender: Sender,
  ) {
    this.#dead = context.metrics.counter("dunlin_dead_letters_total", "Records that could not be applied", ["topic"]);
    this.#quiet = context.metrics.counter("dunlin_pushes_quiet_total", "Pushes kept back from users who are not to be disturbed");
  }

  /** Users at the same time, one user's pushes in order. @throws Stopped */
  async take(batch: RecordBatch): Promise<void> {
    const { partition, records, signal } = batch;
    const done = this.#done.get(partition) ?? new Set<number>();
    this.#done.set(partition, done);
    const users = new Map<string, QueueRecord[]>();
    for (const record of records) {
      if (done.has(record.offset)) continue;
      const key = record.key ?? "";
      const list = users.get(key);
      if (list) list.push(record);
      else users.set(key, [record]);
    }
    await Promise.all([...users.values()].map((list) => this.#user(list, done, signal)));
    if (records.some((record) => !done.has(record.offset))) throw new Stopped("the batch was not finished");
    this.#done.delete(partition);
  }

  async #user(records: readonly QueueRecord[], done: Set<number>, signal: AbortSignal): Promise<void> {
    let devices: readonly SessionRow[] | undefined;
    let peace: Peace | undefined;
    for (const record of records) {
      const valid = decodePush(record);
      if (typeof valid === "string") await this.#bury(record, valid, signal);
      else {
        peace ??= await this.#peace(valid.push.userId, signal);
        if (await this.#isQuiet(valid, peace, signal)) {
          this.#quiet.inc();
          done.add(record.offset);
          continue;
        }
        devices ??= await this.#devices(valid.push.userId, signal);
        if (!(await this.#push(record, valid, devices, signal))) return;
      }
      done.add(record.offset);
    }
  }

  /** @returns false when stopped before it was done. */
  async #push(
    record: QueueRecord,
    { push, preferences }: ValidPush,
    devices: readonly SessionRow[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { userId, messageId, conversationId, type, from, payload, pts, createdAt } = push;
    const shared = { userId, messageId, conversationId, type, from, payload, preferences, pts, createdAt };
    const results = await Promise.all(
      devices.map(({ deviceId, platform }) => this.sender.send({ ...shared, deviceId, platform } satisfies Push, signal)),
    );
    if (results.includes("stopped")) return false;
    const failed = results.flatMap((result) => (typeof result === "object" ? [result.failed] : []));
    if (failed.length > 0) await this.#bury(record, failed.join("; ").slice(0, REASON_MAX), signal);
    return true;
  }

  async #peace(userId: string, signal: AbortSignal): Promise<Peace> {
    const row = await this.#insist("the store", signal, () => this.context.store.dnd.get(userId));
    return { dnd: dndOf(row), mutedUntil: new Map() };
  }

  async #isQuiet({ push }: ValidPush, { dnd, mutedUntil }: Peace, signal: AbortSignal): Promise<boolean> {
    const { store, clock } = this.context;
    const peer = push.type === "C2C" ? push.from : push.conversationId;
    let until = mutedUntil.get(peer);
    if (until === undefined) {
      until = (await this.#insist("the store", signal, () => store.dialogs.get(push.userId, peer)))?.mutedUntil ?? 0;
      mutedUntil.set(peer, until);
    }
    return quiet(clock.now(), dnd, { mutedUntil: until }, push.mention);
  }

  #devices(userId: string, signal: AbortSignal): Promise<SessionRow[]> {
    const { store, clock } = this.context;
    return this.#insist("the store", signal, () => store.sessions.list(userId, clock.now()));
  }

  async #bury(record: QueueRecord, reason: string, signal: AbortSignal): Promise<void> {
    const { queue, clock, logger } = this.context;
    const letter = deadLetterRecord(PUSHES, record, reason, clock.now());
    await this.#insist("the queue", signal, () => queue.produce(deadTopic(PUSHES), [letter]));
    this.#dead.inc({ topic: PUSHES });
    logger.error({ topic: PUSHES, partition: record.partition, offset: record.offset, reason }, "dead letter");
  }

  /** Tries until it works: nothing of a batch is passed over because an engine is away. @throws Stopped */
  async #insist<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) throw new Stopped(`${what} is away`, { cause: error });
        this.context.logger.warn({ err: error, attempt }, `${what} is away; pushes wait`);
        await sleep(AWAY_MS / 2 + backoffMs(attempt, AWAY_MS, AWAY_MAX_MS), signal);
      }
    }
  }
}
