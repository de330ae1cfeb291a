import { randomBytes } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { ApiFixture, type OpenOptions, type TestUser } from "./fixture.js";

const redisUrl = process.env["IM_REDIS_URL"] ?? "";
const authKey = randomBytes(48).toString("base64");
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const open = async (options: OpenOptions): Promise<ApiFixture> => {
  const api = await ApiFixture.open(options);
  closing.push(() => api.close());
  return api;
};

/** Two apisvc on one Redis and one store. */
const openTwo = async (env: Record<string, string>): Promise<[ApiFixture, ApiFixture]> => {
  const shared = { IM_REDIS_URL: redisUrl, IM_NAMESPACE: `t${randomBytes(5).toString("hex")}`, IM_AUTH_KEY: authKey, ...env };
  const one = await open({ env: shared });
  const two = await open({ env: shared, ingest: false, wrapStore: () => one.host.engines.store });
  return [one, two];
};

/** A way to Redis that can be cut. */
class Wire {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  async open(): Promise<string> {
    const target = new URL(redisUrl);
    const server = createServer((socket) => {
      const upstream = connect(Number(target.port || 6379), target.hostname);
      for (const [from, to] of [
        [socket, upstream],
        [upstream, socket],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => undefined).on("close", () => to.destroy());
        from.pipe(to);
      }
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const through = new URL(redisUrl);
    through.host = `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
    return through.href;
  }

  cut(): void {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

let serial = 0;
const send = (api: ApiFixture, from: TestUser, to: TestUser) =>
  api.call("POST", "/v1/messages", {
    token: from.token,
    body: { to: to.id, client_msg_id: `m${++serial}`, payload: { msg_type: "text", text: "x" } },
  });

const guess = (api: ApiFixture) => api.call("POST", "/v1/auth/refresh", { body: { refresh_token: "junk" } });

test("two apisvc share the failures of an address", async () => {
  const [one, two] = await openTwo({ IM_RATE_LOGIN_FAILURES_PER_MIN: "4" });
  for (const api of [one, two, one, two]) expect((await guess(api)).status).toBe(401);
  for (const api of [two, one]) expect((await guess(api)).status).toBe(429);
});

test("a user's messages through two apisvc together stay within the limit and the tenth each may take on trust", async () => {
  // A window is a second: the limit is large enough for the whole to be sent within one or two.
  const [one, two] = await openTwo({ IM_RATE_SENDS_PER_S: "20" });
  const [ann, bob] = [await one.register("ann"), await one.register("bob")];
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => send(i % 2 ? one : two, ann, bob)));
  const windows = Math.ceil((performance.now() - began) / 1_000) + 1;
  const passed = answers.filter((answer) => answer.status === 202).length;
  expect(answers.every((answer) => answer.status === 202 || answer.status === 429)).toBe(true);
  expect(passed).toBeGreaterThanOrEqual(20);
  expect(passed).toBeLessThanOrEqual(windows * 24);
  expect((await send(one, bob, ann)).status).toBe(202);
});

test("without Redis limits hold in each process, and nothing is a 5xx", async () => {
  const wire = new Wire();
  closing.push(async () => wire.cut());
  const env = { IM_REDIS_URL: await wire.open(), IM_AUTH_KEY: authKey, IM_NAMESPACE: `t${randomBytes(5).toString("hex")}` };
  const api = await open({ env: { ...env, IM_RATE_SENDS_PER_S: "5", IM_RATE_LOGIN_FAILURES_PER_MIN: "3" } });
  const [ann, bob] = [await api.register("ann"), await api.register("bob")];
  wire.cut();
  for (let i = 0; i < 3; i++) expect((await guess(api)).status).toBe(401);
  expect((await guess(api)).status).toBe(429);
  const answers = await Promise.all(Array.from({ length: 40 }, () => send(api, ann, bob)));
  const statuses = new Set(answers.map((answer) => answer.status));
  expect(statuses).toEqual(new Set([202, 429]));
});
