import { createHmac } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GatewayFixture, type Person, Phone, until } from "./fixture.js";
import { ask, KEY, RawSocket, UPGRADE } from "./raw-socket.js";

let gateway: GatewayFixture;
let ann: Person;
beforeAll(async () => {
  gateway = await GatewayFixture.open({ IM_WS_ORIGINS: "https://chat.example.org, https://app.example.org", IM_WS_PORT_COUNT: "2" });
  ann = await gateway.person();
});
afterAll(() => gateway.close());

const without = (name: string): string[] => UPGRADE.filter((header) => !header.toLowerCase().startsWith(name));

const cases: [string, number, () => [string, readonly string[], string?]][] = [
  ["good", 101, () => [`GET /ws?token=${ann.token} HTTP/1.1`, UPGRADE]],
  ["token as authorization in the query", 101, () => [`GET /ws?authorization=${ann.token} HTTP/1.1`, UPGRADE]],
  ["token as Bearer in the query", 101, () => [`GET /ws?authorization=Bearer%20${ann.token} HTTP/1.1`, UPGRADE]],
  ["token in the header", 101, () => ["GET /ws HTTP/1.1", [...UPGRADE, `Authorization: Bearer ${ann.token}`]]],
  [
    "several subprotocols",
    101,
    () => [`GET /ws?token=${ann.token} HTTP/1.1`, [...without("sec-websocket-protocol"), "Sec-WebSocket-Protocol: mqtt, text"]],
  ],
  ["an allowed origin", 101, () => [`GET /ws?token=${ann.token} HTTP/1.1`, [...UPGRADE, "Origin: https://app.example.org"]]],
  ["POST", 405, () => [`POST /ws?token=${ann.token} HTTP/1.1`, [...UPGRADE, "Content-Length: 0"]]],
  ["POST with a body", 405, () => ["POST /ws HTTP/1.1", ["Host: x", "Content-Length: 3"], "abc"]],
  ["PUT", 405, () => ["PUT /ws HTTP/1.1", ["Host: x", "Content-Length: 0"]]],
  ["HEAD", 405, () => ["HEAD /ws HTTP/1.1", ["Host: x"]]],
  ["no key", 400, () => [`GET /ws?token=${ann.token} HTTP/1.1`, without("sec-websocket-key")]],
  [
    "a key of the wrong length",
    400,
    () => [`GET /ws?token=${ann.token} HTTP/1.1`, [...without("sec-websocket-key"), "Sec-WebSocket-Key: abc"]],
  ],
  [
    "a key that is no base 64",
    400,
    () => [`GET /ws?token=${ann.token} HTTP/1.1`, [...without("sec-websocket-key"), `Sec-WebSocket-Key: ${"*".repeat(24)}`]],
  ],
  ["version 8", 426, () => [`GET /ws?token=${ann.token} HTTP/1.1`, [...without("sec-websocket-version"), "Sec-WebSocket-Version: 8"]]],
  ["no version", 426, () => [`GET /ws?token=${ann.token} HTTP/1.1`, without("sec-websocket-version")]],
  ["no Connection", 426, () => [`GET /ws?token=${ann.token} HTTP/1.1`, without("connection")]],
  ["no Upgrade", 426, () => [`GET /ws?token=${ann.token} HTTP/1.1`, without("upgrade")]],
  ["another origin", 403, () => [`GET /ws?token=${ann.token} HTTP/1.1`, [...UPGRADE, "Origin: https://evil.example"]]],
  ["origin null", 403, () => [`GET /ws?token=${ann.token} HTTP/1.1`, [...UPGRADE, "Origin: null"]]],
  ["no subprotocol", 400, () => [`GET /ws?token=${ann.token} HTTP/1.1`, without("sec-websocket-protocol")]],
  [
    "a wrong subprotocol",
    406,
    () => [`GET /ws?token=${ann.token} HTTP/1.1`, [...without("sec-websocket-protocol"), "Sec-WebSocket-Protocol: soap"]],
  ],
  ["no token", 412, () => ["GET /ws HTTP/1.1", UPGRADE]],
  ["an empty token", 412, () => ["GET /ws?token= HTTP/1.1", UPGRADE]],
  ["a pts that is no number", 400, () => [`GET /ws?token=${ann.token}&pts=abc HTTP/1.1`, UPGRADE]],
  ["another path", 404, () => ["GET /nothing HTTP/1.1", UPGRADE]],
  ["the root", 404, () => ["GET / HTTP/1.1", ["Host: x"]]],
];

test.each(cases)("%s: %i", async (_name, status, request) => {
  const answer = await ask(gateway.port, ...request());
  expect(answer.status).toBe(status);
  if (status === 101) {
    expect(answer.headers["sec-websocket-protocol"]).toBe("text");
    return;
  }
  expect(answer.headers["content-type"]).toContain("application/json");
  if (!_name.startsWith("HEAD")) expect(JSON.parse(answer.body)).toEqual({ code: expect.any(Number), msg: expect.any(String) });
});

// Answered by the HTTP parser before anything of ours sees them: closed with an error, no JSON.
test.each<[string, number, string[], string]>([
  ["no Host", 400, [KEY], "GET /ws HTTP/1.1"],
  ["HTTP/1.0", 505, UPGRADE, "GET /ws HTTP/1.0"],
  ["20 KB of headers", 431, [...UPGRADE, `X-Long: ${"a".repeat(20_000)}`], "GET /ws HTTP/1.1"],
  ["200 headers", 431, [...UPGRADE, ...Array.from({ length: 200 }, (_, i) => `X-${i}: a`)], "GET /ws HTTP/1.1"],
  ["no HTTP at all", 505, [], "\u0000\u0001 hello"],
])("%s: %i", async (_name, status, headers, line) => {
  expect((await ask(gateway.port, line, headers)).status).toBe(status);
});

const refused = async (token: string): Promise<{ status: number; code: unknown }> => {
  const answer = await ask(gateway.port, `GET /ws?token=${token} HTTP/1.1`, UPGRADE);
  return { status: answer.status, code: (JSON.parse(answer.body) as { code: unknown }).code };
};

test("tokens that are not good: 401 with 706, an expired one with 707", async () => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const sign = (audience: string, secret: string, expires: number): string => {
    const claims = { sub: ann.id, sid: ann.sessionId, did: ann.deviceId, plt: "web", iss: "dunlin", aud: audience, exp: expires };
    const body = `${part({ alg: "HS256" })}.${part(claims)}`;
    return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
  };
  const key = "a key of this test, thirty-two bytes at least";
  const later = Math.floor(Date.now() / 1000) + 600;
  const none = `${part({ alg: "none" })}.${ann.token.split(".")[1]}.`;
  expect(await refused("junk")).toEqual({ status: 401, code: 706 });
  expect(await refused("%00%ff")).toEqual({ status: 401, code: 706 });
  expect(await refused("a".repeat(3_000))).toEqual({ status: 401, code: 706 });
  expect(await refused(none)).toEqual({ status: 401, code: 706 });
  expect(await refused(sign("client", "another key, thirty-two bytes and more too", later))).toEqual({ status: 401, code: 706 });
  expect(await refused(sign("sys", key, later))).toEqual({ status: 401, code: 706 });
  expect(await refused(sign("client", key, later - 3_600))).toEqual({ status: 401, code: 707 });
  expect((await ask(gateway.port, `GET /ws?token=${sign("client", key, later)} HTTP/1.1`, UPGRADE)).status).toBe(101);
});

test("a revoked session is refused with 706", async () => {
  const ben = await gateway.person();
  await gateway.store.sessions.revoke(ben.id, undefined, Date.now());
  expect(await refused(ben.token)).toEqual({ status: 401, code: 706 });
});

// Upgraded after an await, such a request would end the process (uWebSockets.js 20).
test("Connection: close is refused before anything is awaited", async () => {
  for (const value of ["close", "Close", "abcde", "keep-alive"]) {
    const answer = await ask(gateway.port, `GET /ws?token=${ann.token} HTTP/1.1`, [...without("connection"), `Connection: ${value}`]);
    expect(answer.status).toBe(426);
  }
  const both = await ask(gateway.port, `GET /ws?token=${ann.token} HTTP/1.1`, [...without("connection"), "Connection: close, Upgrade"]);
  expect(both.status).toBe(101);
});

test("every port asked for is served, and both are in the registry", async () => {
  expect(gateway.broker.wsPorts).toHaveLength(2);
  for (const port of gateway.broker.wsPorts) {
    expect((await ask(port, `GET /ws?token=${ann.token} HTTP/1.1`, UPGRADE)).status).toBe(101);
  }
  let addresses: Record<string, string> = {};
  const watch = await gateway.host.engines.registry.watch("gateway", (members) => {
    addresses = { ...members[0]?.addresses };
  });
  await watch.close();
  expect(addresses).toEqual({
    ws: `ws://127.0.0.1:${gateway.broker.wsPorts[0]}/ws`,
    "ws.1": `ws://127.0.0.1:${gateway.broker.wsPorts[1]}/ws`,
  });
});

test("clients that go in the middle of the check leave nothing behind", async () => {
  const before = await gateway.metric("dunlin_ws_connections");
  for (let round = 0; round < 200; round++) {
    const socket = new RawSocket(gateway.port);
    socket.request(`GET /ws?token=${ann.token}&pts=${round} HTTP/1.1`, UPGRADE);
    setImmediate(() => (round % 2 ? socket.reset() : socket.destroy()));
  }
  const late = await gateway.person();
  const phone = new Phone(`ws://127.0.0.1:${gateway.port}/ws?token=${late.token}`);
  gateway.phones.push(phone);
  await phone.hello();
  phone.close();
  await until("all gone", async () => (await gateway.metric("dunlin_ws_connections")) <= before);
});
