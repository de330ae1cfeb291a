import { type LiveGateways, type PresenceNotice, seenAt, seenKey, statusOf } from "@dunlin/domain";
import type { Cache } from "@dunlin/engines/cache";
import type { Clock, Logger } from "@dunlin/runtime";
import { Buckets } from "./buckets.js";
import { type Connection, flag } from "./connection.js";
import type { GatewayMetrics } from "./gateway-metrics.js";
import { hiddenText, PresenceFrames, presenceText } from "./presence-frames.js";
import type { Sender } from "./sender.js";
import { Visibility, type VisibilityDeps } from "./visibility.js";
import { type Watched, WatchList } from "./watched.js";

/** Users looked up in one call to the cache. */
const SLICE = 500;
/** One user's changes are told at most so often, ms. */
export const TELL_EVERY_MS = 1_000;
/** A user who is gone for less than this (another network, another gateway) was never away, ms. */
export const LINGER_MS = 2_000;
/** Every watched user is looked up once in this time, news or not: pub/sub may lose some. */
const AUDIT_ROUND_S = 60;
const AUDIT_MAX_PER_S = 500;
/** In every so many rounds it is also asked again who may see them. */
const ROUNDS_A_QUESTION = 10;
/** After the cache was emptied its routes are written again: nobody is gone for the time that takes, ms. */
const EMPTIED_REST_MS = 5_000;
const FAILED_REST_MS = 1_000;

export interface PresenceWatchDeps {
  readonly cache: Cache;
  readonly gateways: Pick<LiveGateways, "routes">;
  readonly visible: VisibilityDeps["ask"];
  readonly sender: Sender;
  readonly clock: Pick<Clock, "monotonic">;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
  readonly pairsMax: number;
}

/**
 * Shows connections the presence of the users they follow. What comes over pub/sub only says whom to look up: what is
 * told is what the routes say, so lost, doubled and late news do no lasting harm, and a user who comes and goes many
 * times is looked up, and told, once a while.
 */
export class PresenceWatch {
  readonly #list;
  readonly #buckets;
  readonly #visibility;
  readonly #frames;
  /** To be looked up. */
  readonly #dirty = new Set<Watched>();
  /** Connections that were not shown all they should have been: shown everything when they can take it. */
  readonly #missed = new Set<Connection>();
  #audit: Iterator<Watched> | undefined;
  #rounds = 0;
  #restUntil = 0;
  #looking = false;

  constructor(private readonly deps: PresenceWatchDeps) {
    const { cache, logger, clock, visible, sender, metrics, pairsMax } = deps;
    this.#frames = new PresenceFrames(sender, metrics);
    this.#buckets = new Buckets({
      cache,
      logger,
      onNotice: (notice) => this.#noticed(notice),
      onFollowing: (bucket) => this.#lookUp((watched) => watched.bucket === bucket),
    });
    this.#list = new WatchList(
      pairsMax,
      (userId) => this.#buckets.add(userId),
      (userId) => this.#buckets.remove(userId),
    );
    this.#visibility = new Visibility({ ask: visible, clock, logger, onAnswer: (answers) => this.#answered(answers) });
  }

  /** The connection follows these users from now on, and no others. */
  follow(connection: Connection, userIds: readonly string[]): void {
    const { metrics } = this.deps;
    const { added, refused } = this.#list.replace(connection, userIds);
    metrics.unwatched.inc(refused);
    this.#measure();
    this.#visibility.want(connection, added);
  }

  /** The connection is closed. */
  forget(connection: Connection): void {
    this.#list.remove(connection);
    this.#missed.delete(connection);
    this.#measure();
  }

  /** Gateways are gone: whoever was connected there may be offline. */
  gone(slots: ReadonlySet<number>): void {
    this.#lookUp((watched) => watched.slots.some((slot) => slots.has(slot)));
  }

  /** The cache was emptied. */
  emptied(): void {
    this.#restUntil = this.deps.clock.monotonic() + EMPTIED_REST_MS;
    this.#lookUp(() => true);
  }

  /** A few times a second. */
  sweep(): void {
    this.#visibility.pump();
    for (const connection of this.#missed) {
      if (connection.ws === undefined) this.#missed.delete(connection);
      else if (connection.has(flag.LIVE) && !connection.has(flag.BLOCKED)) {
        this.#missed.delete(connection);
        for (const watched of this.#list.of(connection)) this.#show(connection, watched);
      }
    }
    this.#flush();
    const now = this.deps.clock.monotonic();
    if (this.#looking || this.#dirty.size === 0 || now < this.#restUntil) return;
    const slice: Watched[] = [];
    for (const watched of this.#dirty) {
      if (watched.watchers.size === 0) this.#dirty.delete(watched);
      else if (watched.restUntil <= now) {
        this.#dirty.delete(watched);
        if (slice.push(watched) === SLICE) break;
      }
    }
    if (slice.length === 0) return;
    this.#looking = true;
    this.#look(slice)
      .catch((error: unknown) => {
        for (const watched of slice) this.#dirty.add(watched);
        this.#restUntil = this.deps.clock.monotonic() + FAILED_REST_MS;
        this.deps.logger.debug({ err: error }, "presence could not be looked up; trying again");
      })
      .finally(() => {
        this.#looking = false;
      });
  }

  /** Once a second. */
  round(): void {
    let left = Math.min(AUDIT_MAX_PER_S, Math.ceil(this.#list.users.size / AUDIT_ROUND_S));
    while (left-- > 0) {
      this.#audit ??= this.#list.users.values();
      const { value, done } = this.#audit.next();
      if (done) {
        this.#audit = undefined;
        this.#rounds += 1;
        continue;
      }
      this.#dirty.add(value);
      if (this.#rounds % ROUNDS_A_QUESTION !== ROUNDS_A_QUESTION - 1) continue;
      for (const connection of value.watchers.keys()) this.#visibility.want(connection, [value]);
    }
  }

  async close(): Promise<void> {
    await this.#buckets.close();
  }

  #measure(): void {
    const { metrics } = this.deps;
    metrics.watched.set(this.#list.pairs);
    metrics.presenceChannels.set(this.#buckets.size);
  }

  #noticed({ what, userIds }: PresenceNotice): void {
    for (const userId of userIds) {
      const watched = this.#list.users.get(userId);
      if (watched === undefined) continue;
      if (what === "routes") this.#dirty.add(watched);
      else for (const connection of watched.watchers.keys()) this.#visibility.want(connection, [watched]);
    }
  }

  #lookUp(which: (watched: Watched) => boolean): void {
    for (const watched of this.#list.users.values()) if (which(watched)) this.#dirty.add(watched);
  }

  #answered(answers: Parameters<VisibilityDeps["onAnswer"]>[0]): void {
    for (const { connection, watched, visible } of answers) {
      const before = watched.watchers.get(connection);
      if (before === undefined) continue;
      watched.watchers.set(connection, visible);
      if (visible && !before) this.#show(connection, watched);
      else if (!visible && before) this.#frames.add(connection, hiddenText(watched));
    }
    this.#flush();
  }

  async #look(slice: readonly Watched[]): Promise<void> {
    const { gateways, cache, clock } = this.deps;
    const routes = await gateways.routes(slice.map(({ userId }) => userId));
    const offline = slice.filter(({ userId }) => !routes.has(userId));
    const seen = await Promise.all(offline.map(({ userId }) => cache.get(seenKey(userId))));
    const seenOf = new Map(offline.map(({ userId }, i) => [userId, seenAt(seen[i])]));
    const now = clock.monotonic();
    for (const watched of slice) {
      const there = routes.get(watched.userId);
      const status = statusOf(there);
      if (status === "offline" && watched.status !== undefined && watched.status !== "offline") {
        watched.missingSince ??= now;
        const left = watched.missingSince + LINGER_MS - now;
        if (left > 0) {
          watched.restUntil = now + Math.min(left, TELL_EVERY_MS);
          this.#dirty.add(watched);
          continue;
        }
      }
      watched.missingSince = undefined;
      watched.slots = there?.map((route) => route.slot) ?? [];
      if (status === watched.status) continue;
      watched.status = status;
      watched.lastSeen = seenOf.get(watched.userId);
      watched.restUntil = now + TELL_EVERY_MS;
      for (const connection of watched.watchers.keys()) this.#show(connection, watched);
    }
    this.#flush();
  }

  /** Who may not see is shown nothing; neither is what is not known yet. */
  #show(connection: Connection, watched: Watched): void {
    if (watched.watchers.get(connection) !== true) return;
    if (watched.status !== undefined) this.#frames.add(connection, presenceText(watched));
    else this.#dirty.add(watched);
  }

  #flush(): void {
    for (const connection of this.#frames.send()) this.#missed.add(connection);
  }
}
