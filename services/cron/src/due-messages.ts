import { Access, Relations, ScheduledSender, Sending, VisibleMessages } from "@dunlin/domain";
import { sleep } from "@dunlin/runtime";
import type { CronContext } from "./context.js";

/** Looked at least this often, ms: what was scheduled meanwhile may be due first. */
const LOOK_EVERY_MS = 500;
/** After what was due turned out to be claimed by another replica, ms. */
const CLAIMED_MS = 50;
/** Sent at once: one write to the queue. */
const ROUND_MAX = 100;
/** After a round that failed the next one waits this long, doubled with every further one up to the maximum, ms. */
const FAILED_MS = 500;
const FAILED_MAX_MS = 15_000;

/** Sends scheduled messages at their time, for as long as it runs; every replica does, and each message goes out once. */
export class DueMessages {
  readonly #sender: ScheduledSender;
  readonly #outcomes;
  readonly #late;

  constructor(private readonly context: Omit<CronContext, "health" | "registry" | "blobs">) {
    const { store, cache, queue, clock, metrics, snowflakes: ids } = context;
    const access = new Access(store, clock);
    const visible = new VisibleMessages(store, access);
    const relations = new Relations(store, clock);
    const sending = new Sending({ store, cache, queue, visible, access, relations, ids, clock });
    this.#sender = new ScheduledSender({ store, sending, queue, ids, clock });
    this.#outcomes = metrics.counter("dunlin_scheduled_messages_total", "Scheduled messages whose time had come, by what came of it.", [
      "outcome",
    ]);
    this.#late = metrics.gauge("dunlin_scheduled_late_seconds", "By how much the next scheduled message is late, s; 0 when none is.");
  }

  /** Ends after the round under way when `stop` aborts. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    const { logger, clock } = this.context;
    let failures = 0;
    while (!stop.aborted) {
      let pause = LOOK_EVERY_MS;
      try {
        const next = await this.#sender.nextDue();
        const now = clock.now();
        this.#late.set(next === undefined ? 0 : Math.max(0, now - next) / 1000);
        if (next !== undefined && next <= now) {
          // None: another replica was faster.
          pause = (await this.#round()) === 0 ? CLAIMED_MS : 0;
        } else if (next !== undefined) pause = Math.min(pause, next - now);
        failures = 0;
      } catch (error) {
        pause = Math.min(FAILED_MAX_MS, FAILED_MS * 2 ** failures);
        failures += 1;
        logger.warn({ err: error, again_in_ms: pause }, "scheduled messages could not be sent; they will be tried again");
      }
      if (pause > 0) await sleep(pause, stop);
    }
  }

  /** @returns how many it took on. */
  async #round(): Promise<number> {
    const { accepted, refused, postponed } = await this.#sender.sendDue(ROUND_MAX);
    this.#outcomes.inc({ outcome: "accepted" }, accepted);
    this.#outcomes.inc({ outcome: "refused" }, refused);
    this.#outcomes.inc({ outcome: "postponed" }, postponed.length);
    const [first] = postponed;
    const total = accepted + refused + postponed.length;
    if (first === undefined) return total;
    const facts = { postponed: postponed.length, id: first.row.id, attempts: first.row.attempts, err: first.error };
    this.context.logger.warn(facts, "scheduled messages will be tried again later");
    return total;
  }
}
