import { afterEach, expect, test } from "vitest";
import { GatewayFixture, until } from "./fixture.js";
import { ask, RawSocket, UPGRADE } from "./raw-socket.js";

const opened: GatewayFixture[] = [];
const sockets: RawSocket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const gateway of opened.splice(0)) await gateway.close();
});

const open = async (settings: Record<string, string>): Promise<GatewayFixture> => {
  const gateway = await GatewayFixture.open(settings);
  opened.push(gateway);
  return gateway;
};

/** A new user's connection that stays; its status. */
const join = async (gateway: GatewayFixture, headers: readonly string[] = [], token?: string): Promise<[number, RawSocket]> => {
  const socket = new RawSocket(gateway.port);
  sockets.push(socket);
  socket.request(`GET /ws?token=${token ?? (await gateway.person()).token} HTTP/1.1`, [...UPGRADE, ...headers]);
  const status = await until("an answer", () => /^HTTP\/1\.1 (\d+)/.exec(socket.received.toString("latin1"))?.[1]);
  return [Number(status), socket];
};

const from = (...addresses: string[]): string[] => addresses.map((address) => `X-Forwarded-For: ${address}`);

test("an address has so many connections, whatever X-Forwarded-For says; one that goes makes room", async () => {
  const gateway = await open({ IM_WS_IP_CONNECTIONS: "2" });
  const [first, socket] = await join(gateway, from("1.1.1.1"));
  expect([first, (await join(gateway, from("2.2.2.2")))[0]]).toEqual([101, 101]);
  const refused = await ask(gateway.port, `GET /ws?token=${(await gateway.person()).token} HTTP/1.1`, [...UPGRADE, ...from("3.3.3.3")]);
  expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "2" } });
  expect(JSON.parse(refused.body)).toMatchObject({ code: 503 });
  socket.destroy();
  await until("room", async () => (await join(gateway))[0] === 101);
});

test("behind a trusted proxy the address is the last it names, however many lines the client made up", async () => {
  const gateway = await open({ IM_WS_IP_CONNECTIONS: "1", IM_WS_TRUSTED_PROXIES: "1" });
  expect((await join(gateway, from("9.9.9.9", "1.1.1.1")))[0]).toBe(101);
  expect((await join(gateway, from("8.8.8.8, 1.1.1.1")))[0]).toBe(503);
  expect((await join(gateway, from("7.7.7.7", "1.1.1.1")))[0]).toBe(503);
  expect((await join(gateway, from("1.1.1.1", "2.2.2.2")))[0]).toBe(101);
  expect((await join(gateway, from("2001:db8:1:2::1")))[0]).toBe(101);
  expect((await join(gateway, from("2001:db8:1:2:ffff::9")))[0]).toBe(503);
});

test("handshakes that are refused or given up leave their seats", async () => {
  const gateway = await open({ IM_WS_IP_CONNECTIONS: "3" });
  for (let i = 0; i < 5; i++) expect((await join(gateway, [], "a.b.c"))[0]).toBe(401);
  const { token } = await gateway.person();
  for (let i = 0; i < 50; i++) {
    const socket = new RawSocket(gateway.port);
    socket.request(`GET /ws?token=${token}&pts=${i} HTTP/1.1`, UPGRADE);
    setImmediate(() => socket.reset());
  }
  await until("room for three", async () => {
    const statuses = (await Promise.all([join(gateway), join(gateway), join(gateway)])).map(([status]) => status);
    for (const socket of sockets.splice(0)) socket.destroy();
    return statuses.every((status) => status === 101);
  });
});

test("a user has so many devices here; others come in", async () => {
  const gateway = await open({ IM_WS_USER_CONNECTIONS: "1" });
  const ann = await gateway.person();
  const sign = (deviceId: string): Promise<string> =>
    gateway.tokens.issueAccess({ userId: ann.id, sessionId: ann.sessionId, deviceId, platform: "test" });
  expect((await join(gateway, [], ann.token))[0]).toBe(101);
  expect((await join(gateway, [], await sign("another")))[0]).toBe(503);
  expect((await join(gateway, [], ann.token))[0]).toBe(101);
  expect((await join(gateway))[0]).toBe(101);
});
