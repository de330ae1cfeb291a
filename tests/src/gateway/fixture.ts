import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrokerService, brokerOptions, createBrokerService } from "@dunlin/broker";
import { domainOptions, newId, Snowflakes, Tokens } from "@dunlin/domain";
import { type Host, hostOptions, openHost } from "@dunlin/engines/host";
import type { SlotLease } from "@dunlin/engines/registry";
import { noChanges, type Store } from "@dunlin/engines/store";
import { deliveriesTopic, queue as records, SCHEMA_VERSION } from "@dunlin/proto";
import { type Clock, createLogger, loadConfig, systemClock } from "@dunlin/runtime";
import { createSysService, type SysService, sysOptions } from "@dunlin/sys";
import WebSocket from "ws";

/** The system's clock, and a way to let time pass at once. */
export class JumpingClock implements Clock {
  ahead = 0;
  now(): number {
    return systemClock.now() + this.ahead;
  }
  monotonic(): number {
    return systemClock.monotonic() + this.ahead;
  }
}

/** Waits until `check` answers something (not undefined, not false), at most `ms`. @throws Error naming what was waited for */
export const until = async <T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  ms = 10_000,
): Promise<T> => {
  const deadline = performance.now() + ms;
  for (;;) {
    const answer = await check();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

export interface Frame {
  readonly type: string;
  readonly pts?: number;
  readonly [field: string]: unknown;
}

/** A client's socket: keeps every frame, acknowledges at once unless told otherwise. */
export class Phone {
  readonly frames: Frame[] = [];
  closed: { code: number; reason: string } | undefined;
  error = "";
  acks = true;
  readonly #socket: WebSocket;

  constructor(url: string, options: { origin?: string; headers?: Record<string, string> } = {}) {
    this.#socket = new WebSocket(url, ["text"], { ...options, perMessageDeflate: false });
    this.#socket.on("error", (error) => {
      this.error = error.message;
    });
    this.#socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.#socket.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString("utf8")) as Frame;
      this.frames.push(frame);
      if (this.acks && frame.pts !== undefined && frame.type !== "HELLO") this.send({ type: "ACK", pts: frame.pts });
    });
  }

  send(frame: unknown): void {
    this.#socket.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  ping(): void {
    this.#socket.ping();
  }

  /** Stops reading: what comes now stays in the kernel, then with the sender. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  hello(): Promise<Frame> {
    return until("HELLO", () => {
      if (this.closed) throw new Error(`closed with ${this.closed.code} instead of HELLO: ${this.error}`);
      return this.frames[0];
    });
  }

  /** The pts of the updates so far, in the order they came. */
  get pts(): number[] {
    return this.frames.flatMap((frame) => (frame.type !== "HELLO" && frame.pts !== undefined ? [frame.pts] : []));
  }

  gone(): Promise<{ code: number; reason: string }> {
    return until("the close", () => this.closed);
  }

  close(): void {
    this.#socket.terminate();
  }
}

export interface Person {
  readonly id: string;
  readonly token: string;
  readonly sessionId: string;
  readonly deviceId: string;
}

/** A gateway with a real syssvc over real embedded engines; the test itself plays ingest. */
export class GatewayFixture {
  readonly clock = new JumpingClock();
  readonly phones: Phone[] = [];
  readonly #cleanUps: (() => Promise<void>)[] = [];

  private constructor(
    readonly host: Host,
    readonly tokens: Tokens,
    readonly lease: SlotLease,
    readonly dir: string,
  ) {}

  broker!: BrokerService;
  sys!: SysService;
  /** What the gateway sees of its lease, on top of the real one. */
  leaseValid = true;
  loseSlot: () => void = () => undefined;
  #newSys!: () => SysService;

  static async open(settings: Record<string, string> = {}, destination?: { write(line: string): void }): Promise<GatewayFixture> {
    const dir = await mkdtemp(join(tmpdir(), "dunlin-gateway-"));
    const env = { IM_DATA_DIR: dir, IM_WS_PORT: "0", IM_GRPC_PORT: "0", IM_METRICS_PORT: "0", IM_LOG_LEVEL: "silent", ...settings };
    const config = loadConfig({ ...hostOptions, ...domainOptions, ...sysOptions, ...brokerOptions }, env);
    const host = await openHost({
      service: "test",
      config,
      needs: ["queue", "store", "cache", "registry", "blobs"],
      ...(destination ? { logger: createLogger({ service: "test", level: config.IM_LOG_LEVEL, destination }) } : {}),
    });
    await host.engines.store.migrate();
    const tokens = new Tokens(Buffer.from("a key of this test, thirty-two bytes at least"), config.IM_ACCESS_TTL_S, host.clock);
    const lease = await host.engines.registry.leaseSlot("test");
    const fixture = new GatewayFixture(host, tokens, lease, dir);
    const { logger, metrics, health, engines } = host;
    const shared = { config, logger, metrics, health, tokens, ...engines };
    fixture.#newSys = () =>
      createSysService({ ...shared, clock: host.clock, slot: lease.slot, snowflakes: new Snowflakes(lease, host.clock) });
    fixture.sys = fixture.#newSys();
    const gatewayLease: SlotLease = {
      slot: lease.slot,
      get valid() {
        return fixture.leaseValid && lease.valid;
      },
      get reservedUntil() {
        return lease.reservedUntil;
      },
      onLost: (listener) => {
        fixture.loseSlot = () => {
          fixture.leaseValid = false;
          listener();
        };
        lease.onLost(listener);
      },
      close: () => lease.close(),
    };
    fixture.broker = createBrokerService({ gateway: { ...shared, lease: gatewayLease, clock: fixture.clock } });
    await fixture.sys.start();
    await fixture.broker.start();
    fixture.#cleanUps.push(
      () => lease.close(),
      () => host.close(),
      () => rm(dir, { recursive: true, force: true }),
    );
    return fixture;
  }

  /** A new syssvc, after the old one was stopped. */
  async restartSys(): Promise<void> {
    this.sys = this.#newSys();
    await this.sys.start();
  }

  async close(): Promise<void> {
    for (const phone of this.phones) phone.close();
    await this.broker.stop();
    await this.sys.stop();
    for (const step of this.#cleanUps) await step();
  }

  get port(): number {
    return this.broker.wsPorts[0] as number;
  }

  get store(): Store {
    return this.host.engines.store;
  }

  /** A user with one session; a device of `like`'s when given. */
  async person(like?: Person): Promise<Person> {
    const id = like?.id ?? newId("U");
    const deviceId = newId("D");
    const sessionId = newId("F");
    const now = Date.now();
    if (!like) await this.store.users.create({ id, account: id, passwordHash: "-", nickname: "n", avatar: "", createdAt: now });
    await this.store.sessions.open({
      id: sessionId,
      userId: id,
      deviceId,
      platform: "web",
      refreshHash: sessionId,
      createdAt: now,
      lastUsedAt: now,
      expiresAt: now + 3_600_000,
      revokedAt: null,
    });
    return { id, deviceId, sessionId, token: await this.tokens.issueAccess({ userId: id, sessionId, deviceId, platform: "web" }) };
  }

  phone(person: Person, query = ""): Phone {
    const phone = new Phone(`ws://127.0.0.1:${this.port}/ws?token=${person.token}${query}`);
    this.phones.push(phone);
    return phone;
  }

  /** Connected and greeted. */
  async online(person: Person, query = ""): Promise<Phone> {
    const phone = this.phone(person, query);
    await phone.hello();
    return phone;
  }

  /** Writes `count` updates into a mailbox, as ingest would. @returns their pts */
  async write(userId: string, count: number, pad = ""): Promise<number[]> {
    return this.store.ingest.transaction(async (tx) => {
      const last = (await tx.lockMailboxes([userId])).get(userId) ?? 0;
      const pts = Array.from({ length: count }, (_, i) => last + 1 + i);
      tx.write({
        ...noChanges,
        updates: pts.map((n) => ({
          userId,
          pts: n,
          type: "READ",
          conversationId: `S_${userId}`,
          seq: 0,
          body: JSON.stringify({ n, pad }),
          createdAt: Date.now(),
        })),
        mailboxes: new Map([[userId, last + count]]),
      });
      return pts;
    });
  }

  /** Produces deliveries for updates, in the order given. */
  async deliver(userId: string, pts: readonly number[], pad = ""): Promise<void> {
    await this.deliverRaw(
      records.Delivery.encode({
        version: SCHEMA_VERSION,
        supergroups: [],
        entries: pts.map((n) => ({
          type: "READ",
          rest: `"n":${n},"pad":${JSON.stringify(pad)}}`,
          targets: [{ userId, pts: n }],
          storedAt: Date.now(),
        })),
      }).finish(),
    );
  }

  async deliverRaw(value: Uint8Array): Promise<void> {
    await this.host.engines.queue.produce(deliveriesTopic(this.lease.slot), [{ key: "", value }]);
  }

  /** Writes and delivers. */
  async say(userId: string, count = 1, pad = ""): Promise<number[]> {
    const pts = await this.write(userId, count, pad);
    await this.deliver(userId, pts, pad);
    return pts;
  }

  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const metric = await this.host.metrics.registry.getSingleMetric(name)?.get();
    const values = metric?.values ?? [];
    return values
      .filter((value) => Object.entries(labels).every(([label, wanted]) => (value.labels as Record<string, string>)[label] === wanted))
      .reduce((sum, value) => sum + value.value, 0);
  }
}

/** 1, 2 … count, or from `first`. */
export const numbers = (count: number, first = 1): number[] => Array.from({ length: count }, (_, i) => first + i);
