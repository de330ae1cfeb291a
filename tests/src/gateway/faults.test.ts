import { afterEach, expect, test } from "vitest";
import { GatewayFixture, numbers, until } from "./fixture.js";
import { ask, RawSocket, UPGRADE } from "./raw-socket.js";

let gateway: GatewayFixture | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

const open = async (settings: Record<string, string> = {}): Promise<GatewayFixture> => {
  gateway = await GatewayFixture.open(settings);
  return gateway;
};

const ready = async (fixture: GatewayFixture): Promise<string | undefined> => (await fixture.host.health.report()).checks["gateway"];

test("SIGTERM's way: not ready, new ones 503, each client is told when to come back and closed with 1012", async () => {
  const fixture = await open();
  const people = await Promise.all(Array.from({ length: 50 }, () => fixture.person()));
  const phones = await Promise.all(people.map((person) => fixture.online(person)));
  const late = await fixture.person();
  expect(await ready(fixture)).toBe("ok");
  const draining = fixture.broker.drain();
  expect(await ready(fixture)).toContain("going away");
  const answer = await ask(fixture.port, `GET /ws?token=${late.token} HTTP/1.1`, UPGRADE);
  expect(answer.status).toBe(503);
  expect(answer.headers["retry-after"]).toBeDefined();
  await draining;
  for (const phone of phones) {
    expect((await phone.gone()).code).toBe(1012);
    expect(phone.frames.at(-1)).toEqual({ type: "DRAIN", reconnect_in_ms: expect.any(Number) });
  }
  await until("no routes", async () => (await fixture.host.engines.cache.routes.lookup(people.map((one) => one.id))).size === 0);
});

test("as many connections as allowed, then 503; those that are open stay", async () => {
  const fixture = await open({ IM_WS_MAX_CONNECTIONS: "3" });
  const people = await Promise.all(Array.from({ length: 4 }, () => fixture.person()));
  const phones = await Promise.all(people.slice(0, 3).map((person) => fixture.online(person)));
  const fourth = people[3] as (typeof people)[number];
  expect((await ask(fixture.port, `GET /ws?token=${fourth.token} HTTP/1.1`, UPGRADE)).status).toBe(503);
  expect(await ready(fixture)).toBe("ok");
  phones[0]?.close();
  await until("room", async () => (await ask(fixture.port, `GET /ws?token=${fourth.token} HTTP/1.1`, UPGRADE)).status === 101);
  expect(phones[1]?.closed).toBeUndefined();
});

test("without syssvc: 503 for new ones, live updates flow on, and holes are filled when it is back", async () => {
  const fixture = await open();
  const [ann, ben] = [await fixture.person(), await fixture.person()];
  const phone = await fixture.online(ann);
  await fixture.sys.stop();
  expect((await ask(fixture.port, `GET /ws?token=${ben.token} HTTP/1.1`, UPGRADE)).status).toBe(503);
  await fixture.say(ann.id);
  await until("a live update", () => phone.pts.length === 1);
  await fixture.write(ann.id, 3);
  await fixture.deliver(ann.id, [4]);
  await fixture.restartSys();
  await until("the hole filled", () => phone.pts.length === 4);
  expect(phone.pts).toEqual(numbers(4));
  await until("new ones again", async () => (await ask(fixture.port, `GET /ws?token=${ben.token} HTTP/1.1`, UPGRADE)).status === 101);
});

test("a mailbox that cannot be read at connect: closed with 1012, to come back", async () => {
  const fixture = await open();
  const ann = await fixture.person();
  // Makes the session known, so that the handshake needs nobody.
  (await fixture.online(ann)).close();
  await fixture.sys.stop();
  const phone = fixture.phone(ann);
  expect((await phone.gone()).code).toBe(1012);
});

test("a delivery that was lost with nothing after it is found by the audit", async () => {
  const fixture = await open();
  const ann = await fixture.person();
  const phone = await fixture.online(ann);
  await fixture.write(ann.id, 2);
  await until("the audit", () => phone.pts.length === 2);
});

test("while the slot's lease is invalid: unready and closed to new ones; then routes and mailboxes are looked at again", async () => {
  const fixture = await open();
  const ann = await fixture.person();
  const phone = await fixture.online(ann);
  fixture.leaseValid = false;
  expect(await ready(fixture)).toContain("no slot");
  expect((await ask(fixture.port, `GET /ws?token=${ann.token} HTTP/1.1`, UPGRADE)).status).toBe(503);
  await until("the sweep has seen it", () => new Promise<true>((resolve) => setTimeout(() => resolve(true), 600)));
  await fixture.write(ann.id, 1);
  fixture.leaseValid = true;
  await until("what went by", () => phone.pts.length === 1);
  expect(await ready(fixture)).toBe("ok");
});

test("a slot that somebody else has: all connections are sent away", async () => {
  const fixture = await open();
  const phone = await fixture.online(await fixture.person());
  fixture.loseSlot();
  expect((await phone.gone()).code).toBe(1012);
  expect(await ready(fixture)).toContain("no slot");
});

test("a thousand half-open handshakes do not keep others out, and leave nothing behind", async () => {
  const fixture = await open();
  const sockets = Array.from({ length: 1_000 }, () => new RawSocket(fixture.port));
  for (const socket of sockets) socket.write("GET /ws?token=x HTTP/1.1\r\nHost: x\r\n");
  const phone = await fixture.online(await fixture.person());
  await Promise.all(sockets.map((socket) => socket.gone(25_000)));
  expect(phone.closed).toBeUndefined();
});

test("half-open handshakes are capped: more are closed unanswered, and who goes makes room", async () => {
  // One besides is the listener's own: it holds the cork.
  const fixture = await open({ IM_WS_HALF_OPEN_MAX: "21" });
  const phone = await fixture.online(await fixture.person());
  const half = (): RawSocket => {
    const socket = new RawSocket(fixture.port);
    socket.write("GET /ws?token=x HTTP/1.1\r\nHost: x\r\n");
    return socket;
  };
  const first = Array.from({ length: 20 }, half);
  // Accepted in the order in which they connected.
  await until("they are connected", () => first.every((socket) => socket.connected) || undefined);
  for (const socket of Array.from({ length: 10 }, half)) {
    await socket.gone();
    expect(socket.received).toHaveLength(0);
  }
  expect(first.filter((socket) => socket.closed)).toEqual([]);
  for (const socket of first.slice(0, 5)) socket.destroy();
  const ann = await fixture.person();
  await until("somebody comes in", () => fixture.online(ann).catch(() => undefined));
  expect(phone.closed).toBeUndefined();
  for (const socket of first) socket.destroy();
});

test("no token gets into a log line", async () => {
  const lines: string[] = [];
  gateway = await GatewayFixture.open({ IM_LOG_LEVEL: "trace" }, { write: (line) => lines.push(line) });
  const ann = await gateway.person();
  await (await gateway.online(ann)).hello();
  await ask(gateway.port, `GET /ws?token=${ann.token} HTTP/1.1`, [...UPGRADE, "Origin: https://x"]);
  await ask(gateway.port, "GET /ws?token=secret-junk HTTP/1.1", UPGRADE);
  await gateway.sys.stop();
  const ben = await gateway.person();
  await ask(gateway.port, `GET /ws?token=${ben.token} HTTP/1.1`, UPGRADE);
  const text = lines.join("");
  expect(text).not.toContain(ann.token);
  expect(text).not.toContain(ben.token);
  expect(text).not.toContain("secret-junk");
});
