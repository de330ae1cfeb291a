import { publishPresence, SEEN_TTL_MS, seenKey } from "@dunlin/domain";
import type { Cache } from "@dunlin/engines/cache";
import type { Clock, Logger } from "@dunlin/runtime";
import { type Connection, flag } from "./connection.js";
import type { Directory } from "./directory.js";

/** A connected user is noted as seen once in this time: how wrong the note is after a crash, s. */
const SEEN_ROUND_S = 300;
/** Notes written at once; those beyond wait for the next turn. */
const NOTES_MAX = 1_000;
/** Notes kept while the cache is away; beyond them the oldest is given up: the store has a coarser time. */
const NOTES_KEPT_MAX = 50_000;

export interface PresenceNewsDeps {
  readonly cache: Cache;
  readonly clock: Pick<Clock, "now">;
  readonly directory: Directory;
  readonly logger: Logger;
}

/** Tells other gateways whose presence may have changed here, once a turn for each user, and notes when users were last seen. */
export class PresenceNews {
  #changed = new Set<string>();
  /** userId → ms since 1970 */
  readonly #seen = new Map<string, number>();
  #round: Iterator<Connection> | undefined;
  #flushing: Promise<void> | undefined;

  constructor(private readonly deps: PresenceNewsDeps) {}

  /** The connection's route is written. @param again it had been lost */
  routed(connection: Connection, again: boolean): void {
    const away = connection.has(flag.AWAY);
    if (connection.has(flag.ANNOUNCED) && connection.has(flag.ANNOUNCED_AWAY) === away && !again) return;
    connection.set(flag.ANNOUNCED);
    if (away) connection.set(flag.ANNOUNCED_AWAY);
    else connection.clear(flag.ANNOUNCED_AWAY);
    this.#changed.add(connection.userId);
    this.note(connection.userId);
  }

  /** These users' routes are removed. */
  removed(userIds: readonly string[]): void {
    for (const userId of userIds) this.#changed.add(userId);
  }

  /** The user is there at this moment. */
  note(userId: string): void {
    this.#seen.delete(userId);
    this.#seen.set(userId, this.deps.clock.now());
    if (this.#seen.size <= NOTES_KEPT_MAX) return;
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest);
      break;
    }
  }

  /** Once a second: notes some of the connected users. */
  round(): void {
    const { directory } = this.deps;
    let left = Math.ceil(directory.size / SEEN_ROUND_S);
    while (left-- > 0) {
      this.#round ??= directory[Symbol.iterator]();
      const { value, done } = this.#round.next();
      if (done) this.#round = undefined;
      else this.note(value.userId);
    }
  }

  /** A few times a second: sends what has gathered. */
  flush(): void {
    if (this.#flushing !== undefined || (this.#changed.size === 0 && this.#seen.size === 0)) return;
    this.#flushing = this.#send()
      // What was lost is found by the audits of those who watch.
      .catch((error: unknown) => this.deps.logger.debug({ err: error }, "presence could not be published"))
      .finally(() => {
        this.#flushing = undefined;
      });
  }

  /** Sends what there is for the last time. */
  async close(): Promise<void> {
    await this.#flushing;
    this.flush();
    await this.#flushing;
  }

  async #send(): Promise<void> {
    const { cache } = this.deps;
    const notes = [...this.#seen].slice(0, NOTES_MAX);
    // Before the word that somebody is gone, so that who asks for the time finds it.
    await Promise.all(
      notes.map(async ([userId, at]) => {
        await cache.set(seenKey(userId), String(at), SEEN_TTL_MS);
        if (this.#seen.get(userId) === at) this.#seen.delete(userId);
      }),
    );
    const changed = this.#changed;
    this.#changed = new Set();
    await publishPresence(cache, "routes", changed);
  }
}
