import { searchWords } from "@dunlin/domain";
import type { Lock } from "@dunlin/engines/registry";
import { sleep } from "@dunlin/runtime";
import type { CronContext } from "./context.js";

/** Messages of one turn: short transactions, for the store has other work. */
const TURN_MESSAGES = 1_000;
/** How long an index that has everything is left alone, ms: what is said is found about as soon. */
const IDLE_MS = 500;
/** How often a replica without the lock asks for it, and how long a failure is waited out, ms. */
const RETRY_MS = 3_000;
const STATE_EVERY_MS = 5_000;

const LOCK = "search-index";

/**
 * Keeps the search index up with the messages: what ingest noted first, and when there is none of that, what was stored
 * before the index began. One replica does it, by a lock; should two believe that they have it, the store lets their
 * transactions follow each other.
 */
export class SearchIndexer {
  readonly #indexed;
  readonly #waiting;
  readonly #lag;
  readonly #filling;
  #stateAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly context: Pick<CronContext, "config" | "store" | "registry" | "clock" | "logger" | "metrics">,
    private readonly owner: string,
  ) {
    const { metrics } = context;
    this.#indexed = metrics.counter("dunlin_search_indexed_total", "Messages that the search index has taken in or let go here.");
    this.#waiting = metrics.gauge("dunlin_search_waiting", "Ingest transactions whose messages the search index has yet to take in.");
    this.#lag = metrics.gauge("dunlin_search_lag_seconds", "How old the oldest of them is.");
    this.#filling = metrics.gauge("dunlin_search_filling", "1 while the search index is being filled with older messages.");
  }

  /** Works until `stop` aborts; then ends after the turn under way. */
  async run(stop: AbortSignal): Promise<void> {
    const { registry, logger } = this.context;
    while (!stop.aborted) {
      let lock: Lock | undefined;
      try {
        lock = await registry.lock(LOCK, this.owner);
        if (lock) await this.#follow(AbortSignal.any([stop, lock.signal]));
      } catch (error) {
        logger.warn({ err: error }, "the search index could not be brought up to date; it will be tried again");
      } finally {
        await lock?.close().catch(() => undefined);
      }
      await sleep(RETRY_MS, stop);
    }
  }

  async #follow(stop: AbortSignal): Promise<void> {
    const { config, clock, store } = this.context;
    const { search } = store;
    // Asked again only after it was full: another replica may have thrown it away.
    let filling = true;
    while (!stop.aborted) {
      await this.#tell();
      const began = clock.monotonic();
      let done = await search.follow(TURN_MESSAGES, searchWords);
      if (done === 0 && filling) {
        done = await search.fill(TURN_MESSAGES, searchWords);
        filling = done > 0;
      }
      if (done > 0) {
        this.#indexed.inc(done);
        // With a backlog it would take from ingest whatever the store can do.
        await sleep((clock.monotonic() - began) * (100 / config.IM_SEARCH_SHARE - 1), stop);
      } else {
        await sleep(IDLE_MS, stop);
        filling = (await this.#tell()) ?? filling;
      }
    }
  }

  /** Every now and then. @returns whether the index is being filled, when it was asked */
  async #tell(): Promise<boolean | undefined> {
    const { clock, store } = this.context;
    if (clock.monotonic() - this.#stateAt < STATE_EVERY_MS) return undefined;
    this.#stateAt = clock.monotonic();
    const { waiting, oldestAt, filling } = await store.search.state();
    this.#waiting.set(waiting);
    this.#lag.set(oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt) / 1000);
    this.#filling.set(filling ? 1 : 0);
    return filling;
  }
}
