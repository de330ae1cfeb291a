import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type AccessClaims, type CloseOrder, publishControl, subscribeControl } from "@dunlin/domain";
import { ROUTE_TTL_MS, type Subscription } from "@dunlin/engines/cache";
import type { MemberInfo, Registration } from "@dunlin/engines/registry";
import { type CloseName, closeCodes, deliveriesTopic } from "@dunlin/proto";
import { AppError, backoffMs, Closer, type Service, sleep, withTimeout } from "@dunlin/runtime";
import type { GatewayContext } from "../context.js";
import { parseClientFrame } from "./client-frame.js";
import { type Connection, flag, startStamps } from "./connection.js";
import { matches, RecentOrders } from "./control.js";
import { Directory } from "./directory.js";
import { drainConnections } from "./drain.js";
import { gatewayMetrics } from "./gateway-metrics.js";
import { Listener } from "./listener.js";
import { Mailbox } from "./mailbox.js";
import { RouteBook } from "./route-book.js";
import { Sender } from "./sender.js";
import { SessionCheck } from "./session-check.js";
import { Stream } from "./stream.js";
import { SysClient } from "./sys-client.js";

const SWEEP_MS = 250;
const EXPIRY_SWEEP_MS = 1_000;
const LOAD_MS = 3_000;
/** Every connection's mailbox is compared once in this time: a delivery lost with nothing after it shows as no hole. */
const AUDIT_ROUND_S = 300;
const AUDIT_MAX_PER_S = 50;
/** File descriptors kept for everything that is not a client. */
const SPARE_DESCRIPTORS = 256;
const PONG = '{"type":"PONG"}';

export interface Gateway extends Service {
  readonly ports: readonly number[];
  /** Connections that are open now. */
  readonly size: number;
}

/** The role gateway: holds receive-only WebSockets and brings each its user's updates in order. */
export const createGateway = (ctx: GatewayContext): Gateway => new GatewayService(ctx);

class GatewayService implements Gateway {
  readonly name = "gateway";
  readonly #id = randomUUID();
  /** Before any connection of this process. */
  readonly #since: number;
  readonly #closer = new Closer();
  readonly #directory = new Directory();
  readonly #recent = new RecentOrders();
  readonly #stop = new AbortController();
  readonly #metrics;
  readonly #sys;
  readonly #sessions;
  readonly #sender;
  readonly #stream;
  readonly #routes;
  readonly #listener;
  readonly #slot: number;
  #ports: number[] = [];
  #registration: Registration | undefined;
  #maxConnections: number;
  #positioned = false;
  #draining = false;
  #slotGone = false;
  #leaseWasValid = true;
  #audit: Iterator<Connection> | undefined;
  #advertisedLoad = -1;
  /** The code a socket is being closed with by us, where uWebSockets.js would only report 1006. */
  #closingCode: number | undefined;

  constructor(private readonly ctx: GatewayContext) {
    const { config, clock, logger, registry, tokens, cache, lease } = ctx;
    this.#slot = lease.slot;
    this.#since = clock.now();
    startStamps(this.#since);
    this.#maxConnections = config.IM_WS_MAX_CONNECTIONS;
    this.#metrics = gatewayMetrics(ctx.metrics);
    this.#sys = new SysClient({ registry, tokens, clock, logger });
    this.#sessions = new SessionCheck((userId, sessionId) => this.#sys.sessionActive(userId, sessionId), clock);
    this.#sender = new Sender(clock, this.#metrics);
    this.#stream = new Stream({
      directory: this.#directory,
      mailbox: new Mailbox((userId, pts, limit) => this.#sys.difference(userId, pts, limit)),
      sender: this.#sender,
      clock,
      logger,
      metrics: this.#metrics,
      close: (connection, why) => this.#close(connection, why),
    });
    this.#routes = new RouteBook({
      cache,
      slot: this.#slot,
      logger,
      metrics: this.#metrics,
      onTried: (connection, routed) => this.#routeTried(connection, routed),
    });
    this.#listener = new Listener({
      host: config.IM_HOST,
      firstPort: config.IM_WS_PORT,
      portCount: config.IM_WS_PORT_COUNT,
      origins: config.IM_WS_ORIGINS === undefined ? undefined : new Set(config.IM_WS_ORIGINS.split(",").map((origin) => origin.trim())),
      idleTimeoutS: config.IM_WS_PING_S * 2,
      clock,
      logger,
      metrics: this.#metrics,
      closedDoor: (pending) => this.#closedDoor(pending),
      check: (token) => this.#check(token),
      closedFor: (claims) => this.#closedFor(claims),
      onOpen: (connection, since) => this.#opened(connection, since),
      onMessage: (connection, message, isBinary) => this.#received(connection, message, isBinary),
      onControlFrame: (connection) => this.#charge(connection),
      onDrain: (connection) => this.#stream.drained(connection),
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
    const { queue, cache, config, registry, health, lease, logger } = this.ctx;
    health.add("gateway", () => {
      const why = this.#closedDoor(0, true);
      if (why !== undefined) throw new Error(why);
    });
    this.#closer.add("health", () => health.remove("gateway"));
    this.#maxConnections = Math.min(config.IM_WS_MAX_CONNECTIONS, await this.#descriptorLimit());
    await this.#sys.start();
    this.#closer.add("syssvc client", () => this.#sys.close());

    const topic = deliveriesTopic(this.#slot);
    await queue.ensureTopics([{ name: topic, partitions: 1, durable: false }]);
    const tail = await queue.tail(topic, (records) => this.#stream.deliver(records));
    this.#closer.add("deliveries", () => tail.close());
    this.#positioned = true;

    this.#followControl();
    const emptied = cache.onEmptied(() => {
      logger.warn({ routes: this.#directory.size }, "the cache was emptied: registering all routes again");
      this.#routeAll();
    });
    this.#closer.add("cache watch", () => emptied.close());
    lease.onLost(() => this.#slotLost());

    this.#closer.add("listener", () => this.#listener.close());
    this.#ports = await this.#listener.listen();
    this.#every(SWEEP_MS, () => this.#sweep());
    this.#every(EXPIRY_SWEEP_MS, () => this.#sweepSlowly());
    this.#every(LOAD_MS, () => this.#advertise());
    this.#every(ROUTE_TTL_MS / 2, () => this.#refreshRoutes());
    this.#closer.add("timers", () => {
      this.#stop.abort();
      this.#stream.close();
    });
    this.#registration = await registry.register("gateway", this.#id, this.#info());
    this.#closer.add("registration", () => this.#registration?.close());
  }

  async drain(): Promise<void> {
    this.#draining = true;
    const { config, logger } = this.ctx;
    const started = this.#directory.size;
    // A registry that is away must not hold up the drain: the registration goes with its lease.
    await this.#registration?.update(this.#info()).catch((error: unknown) => logger.warn({ err: error }, "could not announce the drain"));
    await drainConnections([...this.#directory], (config.IM_DRAIN_S * 1000) / 2, (connection, reconnectInMs) => {
      this.#sender.fleeting(connection, `{"type":"DRAIN","reconnect_in_ms":${reconnectInMs}}`);
      this.#close(connection, "RESTARTING");
    });
    logger.info({ connections: started }, "all connections were sent elsewhere");
  }

  async stop(): Promise<void> {
    this.#draining = true;
    for (const connection of [...this.#directory]) this.#close(connection, "RESTARTING");
    // The last routes leave the cache, if it is there to take them.
    await withTimeout(this.#routes.close(), 3_000).catch(() => undefined);
    await this.#closer.close();
  }

  #every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    this.#closer.add("timer", () => clearInterval(timer));
  }

  /** Why no connection is taken now. @param others handshakes under way @param forHealth full is healthy */
  #closedDoor(others: number, forHealth = false): string | undefined {
    if (this.#draining) return "this gateway is going away";
    if (this.#slotGone || !this.ctx.lease.valid) return "this gateway holds no slot";
    if (!this.#positioned) return "this gateway is not ready";
    if (!forHealth && this.#directory.size + others >= this.#maxConnections) return "too many connections";
    return undefined;
  }

  async #check(token: string): Promise<AccessClaims> {
    const claims = await this.ctx.tokens.verifyAccess(token);
    if (this.#recent.revoked(claims.userId, claims.sessionId)) throw new AppError("TOKEN_INVALID");
    if (!(await this.#sessions.active(claims.userId, claims.sessionId))) throw new AppError("TOKEN_INVALID");
    return claims;
  }

  #closedFor(claims: AccessClaims): string | undefined {
    const others = this.#directory.of(claims.userId).filter((connection) => connection.deviceId !== claims.deviceId);
    return others.length >= this.ctx.config.IM_WS_USER_CONNECTIONS ? "too many connections of this user" : undefined;
  }

  #opened(connection: Connection, since: number): void {
    const { cache, clock, logger } = this.ctx;
    for (const older of this.#directory.of(connection.userId)) {
      if (older.deviceId === connection.deviceId) this.#close(older, "REPLACED");
    }
    this.#directory.add(connection);
    this.#metrics.connections.set(this.#directory.size);
    const order = this.#recent.find(connection, this.#slot, since);
    if (order !== undefined) {
      this.#close(connection, order.close);
      return;
    }
    if (connection.expiresAtS * 1000 <= clock.now()) {
      this.#close(connection, "TOKEN_EXPIRED");
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
    if (routed && connection.has(flag.UNROUTED)) {
      connection.clear(flag.UNROUTED);
      this.#stream.doubt(connection, "route");
    }
    if (connection.has(flag.BEGUN)) return;
    connection.set(flag.BEGUN);
    this.#stream.begin(connection, this.ctx.config.IM_WS_PING_S).catch((error: unknown) => {
      this.ctx.logger.error({ err: error }, "a connection could not begin");
    });
  }

  #received(connection: Connection, message: ArrayBuffer, isBinary: boolean): void {
    const frame = isBinary ? undefined : parseClientFrame(new Uint8Array(message));
    if (frame === undefined) {
      this.#close(connection, "PROTOCOL_VIOLATION");
      return;
    }
    if (frame.type === "ACK") {
      // An ACK of something new is paid for by the update it answers; only empty ones are counted.
      if (frame.pts <= connection.acked && !this.#charge(connection)) return;
      if (!this.#stream.acknowledge(connection, frame.pts)) this.#close(connection, "PROTOCOL_VIOLATION");
      return;
    }
    if (!this.#charge(connection)) return;
    if (frame.type === "PING") {
      this.#sender.fleeting(connection, PONG);
      return;
    }
    const away = frame.status === "away";
    if (away === connection.has(flag.AWAY)) return;
    if (away) connection.set(flag.AWAY);
    else connection.clear(flag.AWAY);
    this.#routes.register(connection);
  }

  /** Takes a frame off the client's budget; closes and answers false when it has none left. */
  #charge(connection: Connection): boolean {
    if (connection.spend(this.ctx.config.IM_WS_FRAMES_PER_S, this.ctx.clock.monotonic())) return true;
    this.#close(connection, "TOO_MANY_FRAMES");
    return false;
  }

  #close(connection: Connection, why: CloseName): void {
    const { ws } = connection;
    if (ws === undefined) return;
    const { code, reason } = closeCodes[why];
    this.#closingCode = code;
    // A goodbye cannot pass what already waits in a full socket: it would hold its buffers until a timeout.
    if (connection.has(flag.BLOCKED)) ws.close();
    else ws.end(code, reason);
    this.#closingCode = undefined;
  }

  #closed(connection: Connection, code: number): void {
    this.#directory.remove(connection);
    this.#metrics.connections.set(this.#directory.size);
    // Clients choose codes freely; the metric's labels must not.
    const known = this.#closingCode ?? (code === 1000 || code === 1001 || code === 1005 ? code : 1006);
    this.#metrics.closed.inc({ code: String(known) });
    connection.pending = undefined;
    connection.held = undefined;
    this.#routes.remove(connection);
  }

  /** Follows the orders of the other services; tries again until the pub/sub engine answers. */
  #followControl(): void {
    const { cache, logger } = this.ctx;
    let subscription: Subscription | undefined;
    const follow = async (): Promise<void> => {
      for (let failures = 0; !this.#stop.signal.aborted && subscription === undefined; failures++) {
        try {
          subscription = await subscribeControl(cache, (order) => this.#obey(order));
        } catch (error) {
          logger.warn({ err: error }, "close orders cannot be followed yet; trying again");
          await sleep(backoffMs(failures, 500, 5_000) + 100, this.#stop.signal);
        }
      }
    };
    const following = follow();
    this.#closer.add("close orders", async () => {
      await following;
      await subscription?.close();
    });
  }

  #obey(order: CloseOrder): void {
    if (order.revoked) this.#sessions.forget(order.sessionIds);
    // A device that connects again while its older connection is replaced is the newest: such orders are not for it.
    if (order.close !== "REPLACED") this.#recent.add(order, this.ctx.clock.monotonic());
    for (const connection of this.#directory.of(order.userId)) {
      if (matches(order, connection, this.#slot)) this.#close(connection, order.close in closeCodes ? order.close : "KICKED");
    }
  }

  /** All routes are gone or in doubt: they are written again, and each mailbox is asked for what passed by. */
  #routeAll(): void {
    for (const connection of this.#directory) {
      connection.set(flag.UNROUTED);
      this.#routes.register(connection);
    }
  }

  /** Renews the routes before they expire. One whose device has a newer connection elsewhere is closed instead. */
  #refreshRoutes(): void {
    const refresh = async (): Promise<void> => {
      const all = [...this.#directory];
      for (let at = 0; at < all.length; at += 500) {
        const slice = all.slice(at, at + 500).filter((connection) => connection.ws !== undefined);
        const routes = await this.ctx.cache.routes.lookup([...new Set(slice.map((connection) => connection.userId))]);
        for (const connection of slice) {
          const there = routes.get(connection.userId)?.find((route) => route.deviceId === connection.deviceId);
          if (there !== undefined && there.connectionId > connection.idAt(this.#slot)) this.#close(connection, "REPLACED");
          else this.#routes.register(connection);
        }
      }
    };
    refresh().catch((error: unknown) => {
      this.ctx.logger.warn({ err: error }, "routes could not be compared; registering them all again");
      this.#routeAll();
    });
  }

  #sweep(): void {
    this.#stream.sweep();
    this.#sender.flush();
    const { valid } = this.ctx.lease;
    // Without a valid lease nobody counted our routes: what came meanwhile went by.
    if (valid && !this.#leaseWasValid) this.#routeAll();
    this.#leaseWasValid = valid;
  }

  #sweepSlowly(): void {
    const now = this.ctx.clock.now() / 1000;
    const expired: Connection[] = [];
    for (const connection of this.#directory) if (connection.expiresAtS <= now) expired.push(connection);
    for (const connection of expired) this.#close(connection, "TOKEN_EXPIRED");
    this.#sessions.prune();
    let left = Math.min(AUDIT_MAX_PER_S, Math.ceil(this.#directory.size / AUDIT_ROUND_S));
    while (left-- > 0) {
      this.#audit ??= this.#directory[Symbol.iterator]();
      const { value, done } = this.#audit.next();
      if (done) this.#audit = undefined;
      else if (value.ws !== undefined && !value.behind) this.#stream.doubt(value, "audit");
    }
  }

  #slotLost(): void {
    this.#slotGone = true;
    this.ctx.logger.error({ slot: this.#slot }, "the slot is somebody else's: closing all connections");
    for (const connection of [...this.#directory]) this.#close(connection, "RESTARTING");
  }

  #info(): MemberInfo {
    const { config } = this.ctx;
    const urls = config.IM_WS_PUBLIC_URL ? [config.IM_WS_PUBLIC_URL] : this.#ports.map((port) => `ws://${config.IM_HOST}:${port}/ws`);
    // "ws", then "ws.1", "ws.2" … for further ports.
    const addresses = Object.fromEntries(urls.map((url, i) => [i === 0 ? "ws" : `ws.${i}`, url]));
    this.#advertisedLoad = this.#directory.size;
    return { addresses, slot: this.#slot, load: this.#advertisedLoad, draining: this.#draining, since: this.#since };
  }

  #advertise(): void {
    if (this.#draining || this.#advertisedLoad === this.#directory.size) return;
    this.#registration
      ?.update(this.#info())
      .catch((error: unknown) => this.ctx.logger.debug({ err: error }, "the load could not be announced"));
  }

  /** How many connections the process's file descriptors allow: beyond them accept would fail without an answer. */
  async #descriptorLimit(): Promise<number> {
    let text: string;
    try {
      text = await readFile("/proc/self/limits", "utf8");
    } catch {
      return Number.POSITIVE_INFINITY;
    }
    const soft = Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
    const allowed = Math.max(1, soft - SPARE_DESCRIPTORS);
    if (allowed < this.ctx.config.IM_WS_MAX_CONNECTIONS) {
      this.ctx.logger.warn(
        { descriptors: soft, connections: allowed },
        "the file-descriptor limit allows fewer connections than configured",
      );
    }
    return allowed;
  }
}
