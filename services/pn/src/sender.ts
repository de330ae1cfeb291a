import { backoffMs, sleep, withTimeout } from "@dunlin/runtime";
import type { PnContext } from "./context.js";
import type { Push, PushOutcome } from "./provider.js";
import { Slots } from "./slots.js";

/** The longest pause between two tries, in first pauses. */
const PAUSE_CAP = 100;

/** What came of a push in the end; "stopped" when the partition was taken away first. */
export type SendResult = "sent" | "gone" | "stopped" | { readonly failed: string };

/** Hands pushes to the provider: a bounded number at a time, each within a time, again after a pause, then no more. */
export class Sender {
  readonly #slots: Slots;
  readonly #outcomes;
  readonly #retries;
  readonly #seconds;

  constructor(private readonly context: Pick<PnContext, "config" | "metrics" | "clock" | "logger" | "provider">) {
    const { config, metrics } = context;
    this.#slots = new Slots(config.IM_PUSH_CONCURRENCY);
    this.#outcomes = metrics.counter("dunlin_push_outcomes_total", "What came of pushes, per device.", ["provider", "outcome"]);
    this.#retries = metrics.counter("dunlin_push_retries_total", "Pushes that had to be tried again.", ["provider"]);
    this.#seconds = metrics.histogram("dunlin_push_seconds", "How long the provider took to answer.", ["provider"]);
  }

  async send(push: Push, stop: AbortSignal): Promise<SendResult> {
    const { config, provider, logger } = this.context;
    let reason = "";
    for (let attempt = 0; attempt < config.IM_PUSH_ATTEMPTS; attempt++) {
      if (stop.aborted) return "stopped";
      const outcome = await this.#slots.run(() => this.#once(push));
      if (outcome.kind === "sent" || outcome.kind === "gone") return this.#note(outcome.kind);
      reason = `${provider.name}: ${outcome.reason}`;
      if (outcome.kind === "refused") break;
      if (attempt + 1 === config.IM_PUSH_ATTEMPTS) break;
      this.#retries.inc({ provider: provider.name });
      logger.debug(
        { user_id: push.userId, device_id: push.deviceId, message_id: push.messageId, attempt, reason },
        "push will be tried again",
      );
      // The place is free meanwhile: a device whose pushes fail does not hold up the others.
      const pause = Math.max(outcome.retryAfterMs ?? 0, backoffMs(attempt, config.IM_PUSH_RETRY_MS, config.IM_PUSH_RETRY_MS * PAUSE_CAP));
      await sleep(pause, stop);
    }
    this.#note("failed");
    return { failed: reason };
  }

  async #once(push: Push): Promise<PushOutcome> {
    const { config, provider, clock } = this.context;
    const late = new AbortController();
    const begin = clock.monotonic();
    try {
      return await withTimeout(provider.send(push, late.signal), config.IM_PUSH_TIMEOUT_MS);
    } catch (error) {
      return { kind: "later", reason: error instanceof Error ? error.message : String(error) };
    } finally {
      late.abort();
      this.#seconds.observe({ provider: provider.name }, (clock.monotonic() - begin) / 1000);
    }
  }

  #note<T extends "sent" | "gone" | "failed">(outcome: T): T {
    this.#outcomes.inc({ provider: this.context.provider.name, outcome });
    return outcome;
  }
}
