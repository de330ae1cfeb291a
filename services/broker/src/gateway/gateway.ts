import { LiveGateways, publishControl } from "@dunlin/domain";
import { ROUTE_TTL_MS } from "@dunlin/engines/cache";
import { type CloseName, deliveriesTopic } from "@dunlin/proto";
import { Closer, type Service, withTimeout } from "@dunlin/runtime";
import type { GatewayContext } from "../context.js";
import { Announcement } from "./announcement.js";
import { ClientInput } from "./client-input.js";
import { CloseOrders } from "./close-orders.js";
import { type Connection, flag, startStamps } from "./connection.js";
import { RecentOrders } from "./control.js";
import { Directory } from "./directory.js";
import { Door } from "./door.js";
import { drainConnections } from "./drain.js";
import { Farewell } from "./farewell.js";
import { Followers } from "./followers.js";
import { gatewayMetrics } from "./gateway-metrics.js";
import { Listener } from "./listener.js";
import { Mailbox } from "./mailbox.js";
import { PresenceNews } from "./presence-news.js";
import { PresenceWatch } from "./presence-watch.js";
import { Rounds } from "./rounds.js";
import { RouteBook } from "./route-book.js";
import { RouteUpkeep } from "./route-upkeep.js";
import { Seats } from "./seats.js";
import { Sender } from "./sender.js";
import { SessionCheck } from "./session-check.js";
import { Signals } from "./signals.js";
import { Stream } from "./stream.js";
import { SupergroupFeeds } from "./supergroup-feeds.js";
import { SupergroupRoutes } from "./supergroup-routes.js";
import { SysClient } from "./sys-client.js";

const SWEEP_MS = 250;
const PRESENCE_MS = 100;
const ROUND_MS = 1_000;
const LOAD_MS = 3_000;
/** The last routes leave the cache within this time, if it is there to take them. */
const LAST_ROUTES_MS = 3_000;

export interface Gateway extends Service {
  readonly ports: readonly number[];
  /** Connections that are open now. */
  readonly size: number;
}

/** The role gateway: holds receive-only WebSockets and brings each its user's updates in order. */
export const createGateway = (ctx: GatewayContext): Gateway => new GatewayService(ctx);

class GatewayService implements Gateway {
  readonly name = "gateway";
  readonly #closer = new Closer();
  readonly #directory = new Directory();
  readonly #recent = new RecentOrders();
  readonly #farewell = new Farewell();
  readonly #metrics;
  readonly #sys;
  readonly #door;
  readonly #sender;
  readonly #stream;
  readonly #feeds;
  readonly #followers;
  readonly #supergroupRoutes;
  readonly #routes;
  readonly #upkeep;
  readonly #orders;
  readonly #live;
  readonly #news;
  readonly #watch;
  readonly #signals;
  readonly #rounds;
  readonly #announcement;
  readonly #listener;
  readonly #slot: number;
  #ports: number[] = [];

  constructor(private readonly ctx: GatewayContext) {
    const { config, clock, logger, registry, tokens, cache, lease } = ctx;
    const since = clock.now();
    startStamps(since);
    const directory = this.#directory;
    const recent = this.#recent;
    const slot = lease.slot;
    const close = (connection: Connection, why: CloseName): void => this.#farewell.close(connection, why);
    const metrics = gatewayMetrics(ctx.metrics);
    const sys = new SysClient({ registry, tokens, clock, logger });
    const sessions = new SessionCheck((userId, sessionId) => sys.sessionActive(userId, sessionId), clock);
    const sender = new Sender(clock, metrics);
    const mailbox = new Mailbox((userId, pts, limit) => sys.difference(userId, pts, limit));
    const supergroupRoutes = new SupergroupRoutes({
      cache,
      slot,
      since,
      logger,
      wanted: (id) => feeds.has(id),
      routed: (ids) => feeds.routed(ids),
    });
    const publish = (topic: string, frame: string): void => this.#listener.publish(topic, frame);
    const feeds = new SupergroupFeeds({ routes: supergroupRoutes, sys, publish, sender, clock, logger, metrics });
    const followers = new Followers({
      memberships: (userIds) => sys.supergroupsOf(userIds, config.IM_WS_SUPERGROUPS),
      follow: (connection, ids) => feeds.follow(connection, ids),
      logger,
    });
    const stream = new Stream({
      directory,
      mailbox,
      sender,
      clock,
      logger,
      metrics,
      close,
      supergroups: (entries) => feeds.deliver(entries),
      memberships: (connection, ended) => {
        if (ended !== undefined) feeds.end(connection, ended);
        followers.refresh(connection);
      },
    });
    const routes = new RouteBook({
      cache,
      slot,
      logger,
      metrics,
      onTried: (connection, routed) => this.#routeTried(connection, routed),
      onRemoved: (userIds) => this.#news.removed(userIds),
    });
    const input = new ClientInput({ clock, framesPerS: config.IM_WS_FRAMES_PER_S, stream, sender, routes, close });
    const live = new LiveGateways(registry, cache, (slots) => this.#watch.gone(slots));
    const watch = new PresenceWatch({
      cache,
      gateways: live,
      visible: (pairs) => sys.visible(pairs),
      sender,
      clock,
      logger,
      metrics,
      pairsMax: config.IM_WS_WATCHED_MAX,
    });
    const door = new Door(ctx, directory, recent, sessions);
    this.#slot = slot;
    this.#metrics = metrics;
    this.#sys = sys;
    this.#sender = sender;
    this.#stream = stream;
    this.#feeds = feeds;
    this.#followers = followers;
    this.#supergroupRoutes = supergroupRoutes;
    this.#routes = routes;
    this.#door = door;
    this.#live = live;
    this.#watch = watch;
    this.#news = new PresenceNews({ cache, clock, directory, logger });
    this.#signals = new Signals({ cache, logger, slot, directory, sender, input, watch });
    this.#upkeep = new RouteUpkeep({ cache, lease, logger, directory, book: routes, close });
    this.#orders = new CloseOrders({ cache, clock, logger, slot, directory, recent, sessions, close });
    this.#rounds = new Rounds({ clock, directory, sessions, stream, close });
    this.#announcement = new Announcement({ config, registry, logger, slot, since, load: () => directory.size });
    this.#listener = new Listener({
      host: config.IM_HOST,
      firstPort: config.IM_WS_PORT,
      portCount: config.IM_WS_PORT_COUNT,
      origins: config.IM_WS_ORIGINS === undefined ? undefined : new Set(config.IM_WS_ORIGINS.split(",").map((origin) => origin.trim())),
      idleTimeoutS: config.IM_WS_PING_S * 2,
      halfOpenMax: config.IM_WS_HALF_OPEN_MAX,
      seats: new Seats(config.IM_WS_IP_CONNECTIONS, config.IM_WS_TRUSTED_PROXIES),
      clock,
      logger,
      metrics,
      closedDoor: (pending) => door.closed(pending),
      check: (token) => door.check(token),
      closedFor: (claims) => door.closedFor(claims),
      onOpen: (connection, begun) => this.#opened(connection, begun),
      onMessage: (connection, message, isBinary) => input.received(connection, message, isBinary),
      onControlFrame: (connection) => input.charge(connection),
      onDrain: (connection) => stream.drained(connection),
      onClose: (connection, code) => this.#closed(connection, code),
    });
  }

  get ports(): readonly number[] {
    return this.#ports;
  }

  get size(): number {
    return this.#directory.size;
  }

  async start(): Promise<void> {
    const { queue, cache, health, lease, logger } = this.ctx;
    health.add("gateway", () => {
      if (this.#door.unready !== undefined) throw new Error(this.#door.unready);
    });
    this.#closer.add("health", () => health.remove("gateway"));
    await this.#door.measure();
    await this.#sys.start();
    this.#closer.add("syssvc client", () => this.#sys.close());

    const topic = deliveriesTopic(this.#slot);
    await queue.ensureTopics([{ name: topic, partitions: 1, durable: false }]);
    const tail = await queue.tail(topic, (records) => this.#stream.deliver(records));
    this.#closer.add("deliveries", () => tail.close());
    this.#door.positioned = true;

    this.#orders.start();
    this.#closer.add("close orders", () => this.#orders.close());
    await this.#live.start();
    this.#closer.add("live gateways", () => this.#live.stop());
    this.#signals.start();
    this.#closer.add("signals", () => this.#signals.close());
    this.#closer.add("presence", () => this.#watch.close());
    const emptied = cache.onEmptied(() => {
      logger.warn({ routes: this.#directory.size }, "the cache was emptied: registering all routes again");
      this.#upkeep.again();
      this.#watch.emptied();
      this.#routeSupergroups();
    });
    this.#closer.add("cache watch", () => emptied.close());
    lease.onLost(() => this.#slotLost());

    this.#closer.add("listener", () => this.#listener.close());
    this.#ports = await this.#listener.listen();
    this.#every(SWEEP_MS, () => {
      this.#stream.sweep();
      this.#sender.flush();
      this.#upkeep.watchLease();
    });
    this.#every(PRESENCE_MS, () => {
      this.#news.flush();
      this.#watch.sweep();
    });
    this.#every(ROUND_MS, () => {
      this.#rounds.walk();
      this.#news.round();
      this.#watch.round();
      this.#signals.round();
      this.#feeds.walk();
      this.#followers.walk();
    });
    this.#every(LOAD_MS, () => this.#announcement.refresh());
    this.#every(ROUTE_TTL_MS / 2, () => {
      this.#upkeep.renew();
      this.#routeSupergroups();
    });
    this.#closer.add("hole timer", () => this.#stream.close());
    this.#closer.add("supergroups", () => this.#feeds.close());
    this.#closer.add("registration", () => this.#announcement.close());
    await this.#announcement.start(this.#ports);
  }

  async drain(): Promise<void> {
    this.#door.draining = true;
    const { config, logger } = this.ctx;
    const started = this.#directory.size;
    await this.#announcement.drain();
    await drainConnections([...this.#directory], (config.IM_DRAIN_S * 1000) / 2, (connection, reconnectInMs) => {
      this.#sender.fleeting(connection, `{"type":"DRAIN","reconnect_in_ms":${reconnectInMs}}`);
      this.#farewell.close(connection, "RESTARTING");
    });
    logger.info({ connections: started }, "all connections were sent elsewhere");
  }

  async stop(): Promise<void> {
    this.#door.draining = true;
    this.#closeAll();
    const lastPresence = this.#routes.close().then(() => this.#news.close());
    await withTimeout(Promise.all([lastPresence, this.#supergroupRoutes.close()]), LAST_ROUTES_MS).catch(() => undefined);
    await this.#closer.close();
  }

  #routeSupergroups(): void {
    for (const id of [...this.#feeds.ids]) this.#supergroupRoutes.changed(id);
  }

  #every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    this.#closer.add("timer", () => clearInterval(timer));
  }

  #closeAll(): void {
    for (const connection of [...this.#directory]) this.#farewell.close(connection, "RESTARTING");
  }

  #slotLost(): void {
    this.#door.slotGone = true;
    this.ctx.logger.error({ slot: this.#slot }, "the slot is somebody else's: closing all connections");
    this.#closeAll();
  }

  #opened(connection: Connection, since: number): void {
    const { cache, clock, logger } = this.ctx;
    for (const older of this.#directory.of(connection.userId)) {
      if (older.deviceId === connection.deviceId) this.#farewell.close(older, "REPLACED");
    }
    this.#directory.add(connection);
    this.#metrics.connections.set(this.#directory.size);
    const order = this.#recent.find(connection, this.#slot, since);
    if (order !== undefined) {
      this.#farewell.close(connection, order.close);
      return;
    }
    if (connection.expiresAtS * 1000 <= clock.now()) {
      this.#farewell.close(connection, "TOKEN_EXPIRED");
      return;
    }
    this.#routes.register(connection);
    publishControl(cache, {
      kind: "close",
      userId: connection.userId,
      deviceId: connection.deviceId,
      exceptConnectionId: connection.idAt(this.#slot),
      close: "REPLACED",
      revoked: false,
    }).catch((error: unknown) => logger.debug({ err: error }, "older connections elsewhere could not be told"));
  }

  /** The first try, good or bad, begins the stream; a later good one means that updates may have passed by. */
  #routeTried(connection: Connection, routed: boolean): void {
    if (routed) {
      if (!connection.has(flag.ANNOUNCED) || connection.has(flag.UNROUTED)) this.#signals.readList(connection);
      this.#news.routed(connection, connection.has(flag.UNROUTED));
    }
    if (routed && connection.has(flag.UNROUTED)) {
      connection.clear(flag.UNROUTED);
      this.#stream.doubt(connection, "route");
    }
    if (connection.has(flag.BEGUN)) return;
    connection.set(flag.BEGUN);
    this.#stream
      .begin(connection, this.ctx.config.IM_WS_PING_S)
      .then(() => this.#followers.refresh(connection))
      .catch((error: unknown) => {
        this.ctx.logger.error({ err: error }, "a connection could not begin");
      });
  }

  #closed(connection: Connection, code: number): void {
    this.#directory.remove(connection);
    this.#metrics.connections.set(this.#directory.size);
    this.#metrics.closed.inc({ code: this.#farewell.label(code) });
    connection.pending = undefined;
    connection.held = undefined;
    this.#watch.forget(connection);
    this.#news.note(connection.userId);
    this.#feeds.forget(connection);
    this.#followers.forget(connection);
    this.#routes.remove(connection);
  }
}
