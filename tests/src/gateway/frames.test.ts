import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GatewayFixture, type Person, type Phone, until } from "./fixture.js";
import { clientFrame, RawSocket, UPGRADE } from "./raw-socket.js";

let gateway: GatewayFixture;
let witness: Phone;
let witnessed: Person;
beforeAll(async () => {
  gateway = await GatewayFixture.open({ IM_WS_PING_S: "4" });
  witnessed = await gateway.person();
  witness = await gateway.online(witnessed);
});
afterAll(() => gateway.close());

/** The process lives and others are served. */
const stillServes = async (): Promise<void> => {
  const seen = witness.pts.length;
  await gateway.say(witnessed.id);
  await until("an update for somebody else", () => witness.pts.length > seen);
};

test("PING is answered, PRESENCE changes the route, an old ACK is taken", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  phone.send({ type: "PING" });
  await until("PONG", () => phone.frames.some((frame) => frame.type === "PONG"));
  const status = async () => (await gateway.host.engines.cache.routes.lookup([ann.id])).get(ann.id)?.[0]?.status;
  expect(await status()).toBe("active");
  phone.send({ type: "PRESENCE", status: "away" });
  await until("away", async () => (await status()) === "away");
  phone.send({ type: "PRESENCE", status: "active" });
  await until("active", async () => (await status()) === "active");
  phone.send({ type: "ACK", pts: 0 });
  phone.send({ type: "PING" });
  await until("a second PONG", () => phone.frames.filter((frame) => frame.type === "PONG").length === 2);
  expect(phone.closed).toBeUndefined();
});

test.each<[string, string | Buffer]>([
  ["no JSON", "hello"],
  ["nothing", ""],
  ["an unknown type", '{"type":"C2C","to":"U","payload":{}}'],
  ["an ACK of what was never sent", '{"type":"ACK","pts":1}'],
  ["an ACK without pts", '{"type":"ACK"}'],
  ["a wrong status", '{"type":"PRESENCE","status":"invisible"}'],
  ["a server's frame", '{"type":"HELLO","pts":1}'],
  ["an unknown field", '{"type":"PING","x":1}'],
  ["a binary frame", Buffer.from('{"type":"PING"}')],
  ["deep nesting", "[".repeat(4_000)],
])("%s: 4400", async (_name, frame) => {
  const phone = await gateway.online(await gateway.person());
  phone.send(frame);
  expect((await phone.gone()).code).toBe(4400);
});

test("a flood of frames: 4429; ACKs of new updates are no flood", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  await gateway.say(ann.id, 200);
  await until("two hundred", () => phone.pts.length === 200);
  phone.send({ type: "PING" });
  await until("PONG", () => phone.frames.some((frame) => frame.type === "PONG"));
  for (let i = 0; i < 100; i++) phone.send({ type: "PING" });
  expect((await phone.gone()).code).toBe(4429);
});

test("pings without end: 4429", async () => {
  const phone = await gateway.online(await gateway.person());
  for (let i = 0; i < 100; i++) phone.ping();
  expect((await phone.gone()).code).toBe(4429);
});

const upgraded = async (): Promise<RawSocket> => {
  const ann = await gateway.person();
  const socket = new RawSocket(gateway.port);
  socket.request(`GET /ws?token=${ann.token} HTTP/1.1`, UPGRADE);
  await until("HELLO", () => socket.received.includes("HELLO"));
  return socket;
};

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test.each<[string, Buffer]>([
  ["unmasked", clientFrame(0x81, text('{"type":"PING"}'), false)],
  ["reserved bit 1", clientFrame(0xc1, text('{"type":"PING"}'))],
  ["reserved bits 2 and 3", clientFrame(0xb1, text('{"type":"PING"}'))],
  ["a reserved opcode", clientFrame(0x83, text("x"))],
  ["a reserved control opcode", clientFrame(0x8b, text("x"))],
  ["a fragmented ping", clientFrame(0x09, text("x"))],
  ["a ping longer than 125 bytes", clientFrame(0x89, new Uint8Array(126))],
  ["bad UTF-8", clientFrame(0x81, Uint8Array.from([0xff, 0xfe, 0xc0, 0x80]))],
  ["a cut surrogate", clientFrame(0x81, Uint8Array.from([0xed, 0xa0, 0x80]))],
  ["one byte too large", clientFrame(0x81, new Uint8Array(4 * 1024 + 1).fill(32))],
  ["64 KiB", clientFrame(0x81, new Uint8Array(64 * 1024).fill(32))],
  ["a length of 2^63", Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
  ["a continuation of nothing", clientFrame(0x80, text("x"))],
  ["a close with a forbidden code", clientFrame(0x88, Uint8Array.from([0x03, 0xed]))],
])("%s: closed, the process lives", async (_name, bytes) => {
  const socket = await upgraded();
  socket.write(bytes);
  await socket.gone();
  await stillServes();
});

test("a message in many fragments is put together, one without end is cut off", async () => {
  const whole = await upgraded();
  const ping = '{"type":"PING"}';
  whole.write(clientFrame(0x01, text(ping.slice(0, 5))));
  whole.write(clientFrame(0x00, text(ping.slice(5, 9))));
  whole.write(clientFrame(0x80, text(ping.slice(9))));
  await until("PONG", () => whole.received.includes("PONG"));
  whole.destroy();
  const endless = await upgraded();
  endless.write(clientFrame(0x01, new Uint8Array(4_000).fill(32)));
  for (let i = 0; i < 20; i++) endless.write(clientFrame(0x00, new Uint8Array(4_000).fill(32)));
  await endless.gone();
  await stillServes();
});

test("random bytes close the socket and nothing else", async () => {
  for (let round = 0; round < 40; round++) {
    const socket = await upgraded();
    for (let i = 0; i < 20; i++) socket.write(randomBytes(1 + ((round * 37 + i * 11) % 400)));
    await socket.gone();
  }
  await stillServes();
});

test("a client that never answers pings is closed when idle; one that does stays", async () => {
  const silent = await upgraded();
  // A raw socket answers nothing; the witness' library answers pings by itself.
  await silent.gone(25_000);
  expect(witness.closed).toBeUndefined();
  await stillServes();
});
