import type { queue, sys } from "@dunlin/proto";
import type { Clock, Logger } from "@dunlin/runtime";
import type { Connection } from "./connection.js";
import type { GatewayMetrics } from "./gateway-metrics.js";
import type { Sender } from "./sender.js";
import { HOLE_MS } from "./stream.js";
import { SupergroupFeed } from "./supergroup-feed.js";
import type { SupergroupRoutes } from "./supergroup-routes.js";

/** Entries that one read of a log asks for: a hundred of the largest stay below gRPC's 4 MiB. */
const READ_LIMIT = 100;
/** A hole larger than this is not published entry by entry: who follows is told how far the log reaches, and pulls. */
const GAP_MAX = 1_000;
/** Holes filled at a time. */
const FILLS_MAX = 16;
/** Logs compared with the store each second: an entry lost with nothing after it shows as no hole. */
const AUDIT_MAX = 500;

export interface SupergroupFeedsDeps {
  readonly routes: SupergroupRoutes;
  readonly sys: {
    heads(ids: readonly string[]): Promise<Map<string, number>>;
    supergroupLog(id: string, seq: number, limit: number): Promise<sys.GetSupergroupLogResponse>;
  };
  /** Gives a frame to every connection that is subscribed to the topic. */
  readonly publish: (topic: string, frame: string) => void;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

const subscribed = (reached: readonly (readonly [string, number])[]): string =>
  `{"type":"SUBSCRIBED","supergroups":{${reached.map(([id, seq]) => `"${id}":${seq}`).join(",")}}}`;

/** The supergroups that connections of this gateway follow. Each entry is published once, in order, to all of them. */
export class SupergroupFeeds {
  readonly #feeds = new Map<string, SupergroupFeed>();
  readonly #holes = new Set<SupergroupFeed>();
  #holeTimer: NodeJS.Timeout | undefined;
  #fills = 0;
  #audit: Iterator<string> | undefined;
  #auditing = false;
  #closed = false;

  constructor(private readonly deps: SupergroupFeedsDeps) {}

  close(): void {
    this.#closed = true;
    clearTimeout(this.#holeTimer);
  }

  get ids(): IterableIterator<string> {
    return this.#feeds.keys();
  }

  has(id: string): boolean {
    return this.#feeds.has(id);
  }

  /** Entries of a deliveries record. */
  deliver(entries: readonly queue.SupergroupEntry[]): void {
    const { metrics, clock } = this.deps;
    for (const { supergroupId, seq, frame, storedAt } of entries) {
      const feed = this.#feeds.get(supergroupId);
      if (feed === undefined) {
        metrics.unclaimed.inc();
        continue;
      }
      const before = feed.last;
      this.#publish(feed, feed.take(seq, frame));
      if (feed.last > before && storedAt > 0) metrics.latency.observe(Math.max(0, clock.now() - storedAt) / 1000);
      if (feed.hole) this.#watch(feed);
    }
  }

  /** From now on a connection follows these supergroups and no others. It is told from where on each one is live. */
  follow(connection: Connection, ids: readonly string[]): void {
    if (connection.ws === undefined) return;
    const before = new Set(connection.supergroups);
    const wanted = new Set(ids);
    for (const id of before) if (!wanted.has(id)) this.#leave(connection, id);
    const reached: (readonly [string, number])[] = [];
    for (const id of wanted) {
      if (before.has(id)) continue;
      const feed = this.#feeds.get(id) ?? this.#open(id);
      feed.followers += 1;
      if (feed.last < 0) feed.waiting.add(connection);
      else {
        connection.ws.subscribe(id);
        reached.push([id, feed.last]);
      }
    }
    connection.supergroups = wanted.size > 0 ? [...wanted] : undefined;
    if (reached.length > 0) this.deps.sender.certain(connection, subscribed(reached));
  }

  /** The connection's user is no member any more: nothing that is delivered from now on is for it. */
  end(connection: Connection, id: string): void {
    if (!connection.supergroups?.includes(id)) return;
    this.#leave(connection, id);
    const rest = connection.supergroups.filter((other) => other !== id);
    connection.supergroups = rest.length > 0 ? rest : undefined;
  }

  /** The connection has closed. */
  forget(connection: Connection): void {
    for (const id of connection.supergroups ?? []) this.#leave(connection, id);
    connection.supergroups = undefined;
  }

  /** The routes of these are registered, or were tried: what happens from now on is delivered here. */
  async routed(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const heads = await this.deps.sys.heads(ids);
    const told = new Map<Connection, (readonly [string, number])[]>();
    for (const [id, head] of heads) {
      const feed = this.#feeds.get(id);
      if (feed === undefined) continue;
      if (feed.last < 0) this.#begin(feed, head, told);
      else feed.newest = Math.max(feed.newest, head);
      if (feed.hole) this.#watch(feed);
    }
    for (const [connection, reached] of told) this.deps.sender.certain(connection, subscribed(reached));
  }

  /** Once a second: holes that could not be filled are tried again, and some logs compared with the store. */
  walk(): void {
    this.#fillHoles();
    if (this.#auditing || this.#feeds.size === 0) return;
    const some: string[] = [];
    while (some.length < AUDIT_MAX) {
      this.#audit ??= this.#feeds.keys();
      const { value, done } = this.#audit.next();
      if (done) {
        this.#audit = undefined;
        break;
      }
      some.push(value);
    }
    this.#auditing = true;
    this.routed(some)
      .catch((error: unknown) => this.deps.logger.debug({ err: error }, "supergroups could not be compared with the store"))
      .finally(() => {
        this.#auditing = false;
      });
  }

  #open(id: string): SupergroupFeed {
    const feed = new SupergroupFeed(id);
    this.#feeds.set(id, feed);
    this.deps.routes.changed(id);
    return feed;
  }

  #begin(feed: SupergroupFeed, head: number, told: Map<Connection, (readonly [string, number])[]>): void {
    for (const connection of feed.waiting) {
      if (connection.ws === undefined) continue;
      connection.ws.subscribe(feed.id);
      const reached = told.get(connection);
      if (reached) reached.push([feed.id, head]);
      else told.set(connection, [[feed.id, head]]);
    }
    feed.waiting.clear();
    this.#publish(feed, feed.begin(head));
  }

  #leave(connection: Connection, id: string): void {
    const feed = this.#feeds.get(id);
    if (feed === undefined) return;
    connection.ws?.unsubscribe(id);
    feed.waiting.delete(connection);
    feed.followers -= 1;
    if (feed.followers > 0) return;
    this.#feeds.delete(id);
    this.#holes.delete(feed);
    this.deps.routes.changed(id);
  }

  #publish(feed: SupergroupFeed, frames: readonly string[]): void {
    if (this.#closed || frames.length === 0) return;
    for (const frame of frames) this.deps.publish(feed.id, frame);
    this.deps.metrics.delivered.inc(frames.length * feed.followers);
    this.deps.metrics.published.inc(frames.length);
  }

  #watch(feed: SupergroupFeed): void {
    this.#holes.add(feed);
    if (!this.#closed) this.#holeTimer ??= setTimeout(() => this.#fillHoles(), HOLE_MS);
  }

  #fillHoles(): void {
    clearTimeout(this.#holeTimer);
    this.#holeTimer = undefined;
    for (const feed of this.#holes) {
      if (!feed.hole || this.#feeds.get(feed.id) !== feed) this.#holes.delete(feed);
      else if (!feed.filling && this.#fills < FILLS_MAX) void this.#fill(feed);
    }
  }

  async #fill(feed: SupergroupFeed): Promise<void> {
    const { sys, logger, metrics } = this.deps;
    feed.filling = true;
    this.#fills += 1;
    try {
      while (feed.hole && this.#feeds.get(feed.id) === feed) {
        if (feed.newest - feed.last > GAP_MAX) {
          const head = feed.newest;
          const after = feed.begin(head);
          this.#publish(feed, [subscribed([[feed.id, head]]), ...after]);
          return;
        }
        metrics.supergroupReads.inc();
        const before = feed.last;
        const log = await sys.supergroupLog(feed.id, feed.last, READ_LIMIT);
        for (const entry of log.entries) this.#publish(feed, feed.take(entry.seq, entry.json));
        feed.newest = Math.max(feed.newest, log.seq);
        // A log without what is known to exist: asked again by the next walk.
        if (feed.last === before) return;
      }
    } catch (error) {
      logger.debug({ err: error, supergroup: feed.id }, "a supergroup's log could not be read; trying again");
    } finally {
      feed.filling = false;
      this.#fills -= 1;
    }
  }
}
