import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiService, apiOptions, createApiService } from "@dunlin/api";
import { createBrokerService } from "@dunlin/broker";
import { domainOptions, durableTopics, type Identity, ingestRules, openIdentity } from "@dunlin/domain";
import { type Host, hostOptions, openHost } from "@dunlin/engines/host";
import type { Store } from "@dunlin/engines/store";
import { until } from "@dunlin/engines/testing";
import { type Clock, createLogger, loadConfig, type Service } from "@dunlin/runtime";
import { expect } from "vitest";
import { operationOf } from "../support/operations.js";

/** An answer of the API, its envelope taken apart. */
export interface Answer {
  readonly status: number;
  readonly code: number;
  readonly msg: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read fields of many shapes; the schema has checked them
  readonly data: any;
  readonly headers: Headers;
  readonly text: string;
}

export interface CallOptions {
  readonly token?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, with this content type. */
  readonly raw?: string | Uint8Array;
  readonly type?: string;
  readonly headers?: Record<string, string>;
}

export interface TestUser {
  readonly id: string;
  readonly account: string;
  readonly password: string;
  readonly token: string;
  readonly refresh: string;
  readonly sessionId: string;
}

export interface OpenOptions {
  /** Settings besides the defaults. */
  readonly env?: Record<string, string>;
  /** Puts something between apisvc and the store. */
  readonly wrapStore?: (store: Store) => Store;
  /** Whether accepted commands are applied; true when it is not said. */
  readonly ingest?: boolean;
  /** What apisvc takes the time from. */
  readonly clock?: Clock;
}

const PASSWORD = "correct horse battery";
let accounts = 0;
let sends = 0;

/** apisvc, and ingest behind it, on embedded engines in a folder of their own. Every answer is checked on the way. */
export class ApiFixture {
  /** Everything that was logged, at level debug. */
  readonly log: string[];

  private constructor(
    readonly host: Host,
    readonly identity: Identity,
    readonly api: ApiService,
    private readonly services: readonly Service[],
    private readonly folder: string,
    log: string[],
  ) {
    this.log = log;
  }

  static async open({ env = {}, wrapStore = (store) => store, ingest = true, clock: apiClock }: OpenOptions = {}): Promise<ApiFixture> {
    const folder = await mkdtemp(join(tmpdir(), "dunlin-api-"));
    const log: string[] = [];
    const config = loadConfig(
      { ...hostOptions, ...domainOptions, ...apiOptions },
      { IM_DATA_DIR: folder, IM_API_PORT: "0", IM_METRICS_PORT: "0", IM_QUEUE_PARTITIONS: "4", ...env },
    );
    const logger = createLogger({ service: "test", level: "debug", destination: { write: (line) => void log.push(line) } });
    const host = await openHost({ service: "test", config, needs: ["registry", "cache", "store", "queue", "blobs"], logger });
    const { metrics, health, clock } = host;
    const { registry, cache, store, queue, blobs } = host.engines;
    await store.migrate();
    await queue.ensureTopics(durableTopics(config.IM_QUEUE_PARTITIONS));
    const identity = await openIdentity({ registry, clock, config, owner: "test", onSlotLost: () => undefined });
    const shared = { config, logger, metrics, health, clock, queue, cache, registry };
    const broker = createBrokerService({
      ingest: {
        ...shared,
        store,
        rules: ingestRules(config),
        partitions: config.IM_QUEUE_PARTITIONS,
      },
    });
    const api = createApiService({ ...shared, blobs, ...(apiClock ? { clock: apiClock } : {}), store: wrapStore(store), ...identity });
    const services = ingest ? [broker, api] : [api];
    for (const service of services) await service.start();
    return new ApiFixture(host, identity, api, services, folder, log);
  }

  get url(): string {
    return `http://127.0.0.1:${this.api.port}`;
  }

  async close(): Promise<void> {
    for (const service of [...this.services].reverse()) await service.drain();
    for (const service of [...this.services].reverse()) await service.stop();
    await this.identity.close();
    await this.host.close();
    await rm(this.folder, { recursive: true, force: true });
    // Whatever a test did, it must not have met an error that the documentation leaves out.
    expect(this.log.filter((line) => line.includes("does not declare"))).toEqual([]);
  }

  /** Calls the API and checks what every answer must have, and the data of a success by its route's schema. */
  async call(method: string, path: string, { token, body, raw, type, headers = {} }: CallOptions = {}): Promise<Answer> {
    const sent = new Headers(headers);
    if (token !== undefined) sent.set("authorization", `Bearer ${token}`);
    if (body !== undefined) sent.set("content-type", "application/json");
    if (type !== undefined) sent.set("content-type", type);
    const content = body === undefined ? raw : JSON.stringify(body);
    const response = await fetch(this.url + path, { method, headers: sent, ...(content === undefined ? {} : { body: content as string }) });
    const text = await response.text();
    const envelope = JSON.parse(text) as { code: number; msg: string; data: unknown };
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(response.headers.get("x-request-id")).toMatch(/^[\w.-]{1,64}$/);
    expect(Object.keys(envelope)).toEqual(["code", "msg", "data"]);
    expect(envelope.code === 0).toBe(response.ok);
    if (response.status === 429 || response.status === 503) expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    if (response.ok) checkShape(method, path, response.status, envelope.data);
    return {
      status: response.status,
      headers: response.headers,
      text,
      ...(envelope as { code: number; msg: string; data: Answer["data"] }),
    };
  }

  async register(name = "user", device = "phone"): Promise<TestUser> {
    accounts += 1;
    const account = `${name}${accounts}`;
    const body = { account, password: PASSWORD, device_id: device, platform: "test" };
    const { status, data } = await this.call("POST", "/v1/auth/register", { body });
    expect(status).toBe(201);
    return testUser(account, data);
  }

  async login(account: string, device: string): Promise<TestUser> {
    const body = { account, password: PASSWORD, device_id: device, platform: "test" };
    const { status, data } = await this.call("POST", "/v1/auth/login", { body });
    expect(status).toBe(200);
    return testUser(account, data);
  }

  /** Sends a text; the answer's data. */
  async send(from: TestUser, to: string, text: string, extra: Record<string, unknown> = {}): Promise<Answer["data"]> {
    sends += 1;
    const body = { to, client_msg_id: `c${sends}`, payload: { msg_type: "text", text }, ...extra };
    const { status, data } = await this.call("POST", "/v1/messages", { token: from.token, body });
    expect(status).toBe(202);
    return data;
  }

  /** Writes bytes to a connection and collects what comes back until it is closed. */
  raw(bytes: string, { pauseAfterMs = 0 } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      let received = "";
      const socket = connect(this.api.port, "127.0.0.1", () => socket.write(bytes));
      const timer = setTimeout(() => socket.destroy(new Error(`still open, received: ${received}`)), pauseAfterMs + 15_000);
      socket.setEncoding("utf8");
      socket.on("data", (part: string) => {
        received += part;
      });
      socket.on("error", (error: NodeJS.ErrnoException) =>
        error.code === "ECONNRESET" || error.code === "EPIPE" ? undefined : reject(error),
      );
      socket.on("close", () => {
        clearTimeout(timer);
        resolve(received);
      });
    });
  }
}

const testUser = (account: string, data: Answer["data"]): TestUser => ({
  id: data.user.id,
  account,
  password: PASSWORD,
  token: data.access_token,
  refresh: data.refresh_token,
  sessionId: data.session_id,
});

const checkShape = (method: string, path: string, status: number, data: unknown): void => {
  const match = operationOf(method, path);
  if (!match) return;
  expect(match.statuses).toContain(status);
  match.response.parse(data);
};

/** Waits until `probe` answers something else than undefined. @throws when it has not after ten seconds */
export const eventually = <T>(probe: () => Promise<T | undefined>): Promise<T> => until("what the test waits for", probe, 10_000);

/** Data of an answer that has come with this body; the head is not looked at. */
export const envelopeOf = (rawAnswer: string): { code: number; msg: string } =>
  JSON.parse(rawAnswer.slice(rawAnswer.indexOf("\r\n\r\n") + 4)) as { code: number; msg: string };
