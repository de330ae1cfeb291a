import { afterAll, beforeAll, expect, test } from "vitest";
import { GatewayFixture, numbers, until } from "./fixture.js";

let gateway: GatewayFixture;
beforeAll(async () => {
  gateway = await GatewayFixture.open();
});
afterAll(() => gateway.close());

test("a first connection is greeted at the newest pts and then gets live updates", async () => {
  const ann = await gateway.person();
  await gateway.write(ann.id, 3);
  const phone = await gateway.online(ann);
  expect(await phone.hello()).toEqual({ type: "HELLO", session: ann.sessionId, pts: 3, ping_s: 60, recovered: true });
  await gateway.say(ann.id, 2);
  await until("two updates", () => phone.pts.length === 2);
  expect(phone.frames.slice(1)).toEqual([
    { type: "READ", pts: 4, n: 4, pad: "" },
    { type: "READ", pts: 5, n: 5, pad: "" },
  ]);
});

test("with ?pts= the missed updates come first, more than one read and one window of them", async () => {
  const ann = await gateway.person();
  await gateway.write(ann.id, 700);
  const phone = await gateway.online(ann, "&pts=10");
  expect(await phone.hello()).toMatchObject({ pts: 10, recovered: true });
  await gateway.say(ann.id);
  await until("all updates", () => phone.pts.at(-1) === 701);
  expect(phone.pts).toEqual(numbers(691, 11));
});

test("a pts of the future is answered with reload, and live goes on from the newest", async () => {
  const ann = await gateway.person();
  await gateway.write(ann.id, 5);
  const phone = await gateway.online(ann, "&pts=900");
  expect(await phone.hello()).toMatchObject({ pts: 5, recovered: false });
  await gateway.say(ann.id);
  await until("an update", () => phone.pts.length === 1);
  expect(phone.pts).toEqual([6]);
});

test("a pts that lies before what is kept is answered with reload", async () => {
  const ann = await gateway.person();
  await gateway.write(ann.id, 20);
  await gateway.store.updates.trim(0, 5, 1_000);
  const phone = await gateway.online(ann, "&pts=3");
  expect(await phone.hello()).toMatchObject({ pts: 20, recovered: false });
});

test("deliveries out of order and doubled are sent in order, once", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  await gateway.write(ann.id, 6);
  for (const pts of [[3], [2, 3], [1], [1, 6], [4], [5, 4]]) await gateway.deliver(ann.id, pts);
  await until("six updates", () => phone.pts.length === 6);
  await gateway.say(ann.id);
  await until("the seventh", () => phone.pts.at(-1) === 7);
  expect(phone.pts).toEqual(numbers(7));
});

test("a hole that stays open is filled from the mailbox", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  await gateway.write(ann.id, 100);
  await gateway.deliver(ann.id, [100]);
  await until("what was lost", () => phone.pts.length === 100);
  expect(phone.pts).toEqual(numbers(100));
});

test("more held frames than there is room for: nothing is lost", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  await gateway.write(ann.id, 300);
  await gateway.deliver(ann.id, numbers(299, 2).reverse());
  await until("all", () => phone.pts.length === 300);
  expect(phone.pts).toEqual(numbers(300));
});

test("a client that does not acknowledge gets one window and no more, and the rest after its ACK", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  phone.acks = false;
  await gateway.say(ann.id, 600);
  await until("a window", () => phone.pts.length === 256);
  await gateway.say(ann.id, 10);
  phone.send({ type: "ACK", pts: 10 });
  phone.send({ type: "PING" });
  await until("the answer", () => phone.frames.some((frame) => frame.type === "PONG"));
  expect(phone.pts.length).toBe(256);
  phone.acks = true;
  phone.send({ type: "ACK", pts: 256 });
  await until("the rest", () => phone.pts.length === 610);
  expect(phone.pts).toEqual(numbers(610));
});

test("all devices of a user get everything, each at its own pace", async () => {
  const ann = await gateway.person();
  const tablet = await gateway.person(ann);
  const [one, two] = [await gateway.online(ann), await gateway.online(tablet)];
  two.acks = false;
  await gateway.say(ann.id, 300);
  await until("the first device", () => one.pts.length === 300);
  await until("a window for the second", () => two.pts.length === 256);
  two.send({ type: "ACK", pts: 256 });
  await until("the second device", () => two.pts.length === 300);
  expect(two.pts).toEqual(numbers(300));
});

test("updates that are written and delivered while a client connects all arrive", async () => {
  const ann = await gateway.person();
  let stop = false;
  const writing = (async () => {
    while (!stop) await gateway.say(ann.id, 3);
  })();
  for (let round = 0; round < 15; round++) {
    const phone = await gateway.online(ann, "&pts=0");
    const seen = await until("some", () => phone.pts.length > round * 2 && phone.pts.length);
    expect(phone.pts.slice(0, seen)).toEqual(numbers(seen));
    phone.close();
  }
  stop = true;
  await writing;
  const last = (await gateway.store.updates.difference(ann.id, 0, 0)).pts;
  const phone = await gateway.online(ann, "&pts=0");
  await until("everything", () => phone.pts.at(-1) === last);
  expect(phone.pts).toEqual(numbers(last));
});

test("records that cannot be read are counted and do no harm", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  const before = await gateway.metric("dunlin_bad_deliveries_total");
  await gateway.deliverRaw(Buffer.from("junk that is no protobuf \xff\xff\xff", "latin1"));
  await gateway.deliverRaw(Buffer.from([8, 99]));
  await gateway.say(ann.id);
  await until("the good one", () => phone.pts.length === 1);
  expect(await gateway.metric("dunlin_bad_deliveries_total")).toBe(before + 2);
});

test("what was not acknowledged comes again at 2, 5, 7 and 11 s; then 4002", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  phone.acks = false;
  await gateway.say(ann.id, 2);
  await until("two updates", () => phone.pts.length === 2);
  const again = await gateway.metric("dunlin_redelivered_total");
  let times = 0;
  for (const ms of [2_000, 3_000, 2_000, 4_000]) {
    gateway.clock.ahead += ms;
    times += 1;
    await until(`redelivery ${times}`, () => phone.pts.length === 2 + times * 2);
  }
  expect(phone.pts).toEqual([1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
  await until("the count", async () => (await gateway.metric("dunlin_redelivered_total")) >= again + 8);
  gateway.clock.ahead += 4_000;
  expect((await phone.gone()).code).toBe(4002);
  const back = await gateway.online(ann, "&pts=0");
  await until("both again", () => back.pts.length === 2);
});

test("an ACK stops the redelivery of what it covers", async () => {
  const ann = await gateway.person();
  const phone = await gateway.online(ann);
  phone.acks = false;
  await gateway.say(ann.id, 5);
  await until("five", () => phone.pts.length === 5);
  const acknowledged = await gateway.metric("dunlin_acknowledged_total");
  phone.send({ type: "ACK", pts: 3 });
  await until("the ACK", async () => (await gateway.metric("dunlin_acknowledged_total")) === acknowledged + 3);
  gateway.clock.ahead += 2_100;
  await until("the other two", () => phone.pts.length === 7);
  expect(phone.pts.slice(5)).toEqual([4, 5]);
  phone.send({ type: "ACK", pts: 5 });
});
