import { publishControl } from "@dunlin/domain";
import type { Route } from "@dunlin/engines/cache";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GatewayFixture, numbers, type Person, until } from "./fixture.js";
import { ask, UPGRADE } from "./raw-socket.js";

let gateway: GatewayFixture;
beforeAll(async () => {
  gateway = await GatewayFixture.open({ IM_WS_USER_CONNECTIONS: "2", IM_ACCESS_TTL_S: "600" });
});
afterAll(() => gateway.close());

const routesOf = async (person: Person): Promise<Route[]> =>
  (await gateway.host.engines.cache.routes.lookup([person.id])).get(person.id) ?? [];

test("a connection has a route while it is open", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  expect(await routesOf(ann)).toMatchObject([
    { deviceId: ann.deviceId, sessionId: ann.sessionId, slot: gateway.lease.slot, platform: "web", status: "active" },
  ]);
  phone.close();
  await until("no route", async () => (await routesOf(ann)).length === 0);
});

test("a newer connection of the same device replaces the older one: 4406", async () => {
  const ann = await gateway.person();
  const [older, newer] = [await gateway.online(ann), await gateway.online(ann)];
  expect((await older.gone()).code).toBe(4406);
  await gateway.say(ann.id);
  await until("an update", () => newer.pts.length === 1);
  expect(newer.closed).toBeUndefined();
  expect(await routesOf(ann)).toHaveLength(1);
});

test("a newer connection at another gateway replaces the one here, an older one does not", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  const connectionId = (await routesOf(ann))[0]?.connectionId as string;
  const replaced = (exceptConnectionId: string): Promise<void> =>
    publishControl(gateway.host.engines.cache, {
      kind: "close",
      userId: ann.id,
      deviceId: ann.deviceId,
      exceptConnectionId,
      close: "REPLACED",
      revoked: false,
    });
  await replaced(`0${connectionId.slice(1)}`);
  phone.send({ type: "PING" });
  await until("PONG", () => phone.frames.length === 2);
  await replaced(`z${connectionId.slice(1)}`);
  expect((await phone.gone()).code).toBe(4406);
});

test("a kick closes the devices it names: 4403; a revoked session cannot come back", async () => {
  const ann = await gateway.person();
  const tablet = await gateway.person(ann);
  const [one, two] = [await gateway.online(ann), await gateway.online(tablet)];
  await gateway.store.sessions.revoke(ann.id, [ann.sessionId], Date.now());
  await publishControl(gateway.host.engines.cache, {
    kind: "close",
    userId: ann.id,
    sessionIds: [ann.sessionId],
    close: "KICKED",
    revoked: true,
  });
  expect((await one.gone()).code).toBe(4403);
  expect((await ask(gateway.port, `GET /ws?token=${ann.token} HTTP/1.1`, UPGRADE)).status).toBe(401);
  await publishControl(gateway.host.engines.cache, { kind: "close", userId: ann.id, close: "KICKED", revoked: false });
  expect((await two.gone()).code).toBe(4403);
});

test("junk on the control channel is ignored", async () => {
  const phone = await gateway.online(await gateway.person());
  for (const junk of ["", "null", "[]", '{"kind":"close"}', '{"kind":"open","userId":"U"}', "\u0000"]) {
    await gateway.host.engines.cache.publish("control", Buffer.from(junk));
  }
  phone.send({ type: "PING" });
  await until("PONG", () => phone.frames.length === 2);
});

test("too many devices of one user: 503 with Retry-After; the same device may come again", async () => {
  const ann = await gateway.person();
  await gateway.online(ann);
  await gateway.online(await gateway.person(ann));
  const third = await gateway.person(ann);
  const answer = await ask(gateway.port, `GET /ws?token=${third.token} HTTP/1.1`, UPGRADE);
  expect(answer.status).toBe(503);
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 503 });
  expect((await ask(gateway.port, `GET /ws?token=${ann.token} HTTP/1.1`, UPGRADE)).status).toBe(101);
});

test("a connection ends with its token: 4107", async () => {
  const phone = await gateway.online(await gateway.person());
  gateway.clock.ahead += 601_000;
  try {
    expect((await phone.gone()).code).toBe(4107);
  } finally {
    gateway.clock.ahead -= 601_000;
  }
});

test("bytes that a stopped client does not read cost little, it is closed as slow, others are not held up", async () => {
  const [slow, quick] = [await gateway.person(), await gateway.person()];
  const [stuck, phone] = [await gateway.online(slow), await gateway.online(quick)];
  stuck.pause();
  const pad = "x".repeat(60_000);
  const before = process.memoryUsage().rss;
  for (let round = 0; round < 40; round++) {
    await gateway.say(slow.id, 10, pad);
    await gateway.say(quick.id, 10);
  }
  await until("the quick one", () => phone.pts.length === 400);
  expect(phone.pts).toEqual(numbers(400));
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  const closed = await gateway.metric("dunlin_ws_closed_total", { code: "4001" });
  // The schedule runs from the last progress: no time to send again, no answer, the end.
  gateway.clock.ahead += 15_100;
  await until("the close", async () => (await gateway.metric("dunlin_ws_closed_total", { code: "4001" })) === closed + 1);
  stuck.resume();
  await stuck.gone();
  const back = await gateway.online(slow, `&pts=${stuck.pts.at(-1) ?? 0}`);
  await until("the rest", () => back.pts.at(-1) === 400);
  expect(back.pts).toEqual(numbers(400 - (stuck.pts.at(-1) ?? 0), (stuck.pts.at(-1) ?? 0) + 1));
  expect(phone.closed).toBeUndefined();
});

test("a client that reads slowly but reads gets everything", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  const pad = "x".repeat(60_000);
  for (let round = 0; round < 12; round++) {
    phone.pause();
    await gateway.say(ann.id, 25, pad);
    phone.resume();
    await until("some of it", () => phone.pts.length >= round * 20);
  }
  await until("everything", () => phone.pts.length === 300, 20_000);
  expect(phone.pts).toEqual(numbers(300));
});
