import { conversationIdOf, newId, publishPresence, publishSignal, watchKey } from "@dunlin/domain";
import { noChanges } from "@dunlin/engines/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Frame, GatewayFixture, type Person, type Phone, until } from "./fixture.js";

interface Shown {
  readonly user_id: string;
  readonly status: string;
  readonly last_seen?: number | null;
}

let gateway: GatewayFixture;
beforeEach(async () => {
  gateway = await GatewayFixture.open({ IM_WS_WATCHED_MAX: "600" });
});
afterEach(() => gateway.close());

const frames = (phone: Phone): Frame[] => phone.frames.filter((frame) => frame.type === "PRESENCE");
/** What a phone was shown of a user, in order. */
const shown = (phone: Phone, userId: string): Shown[] =>
  frames(phone).flatMap((frame) => (frame["users"] as Shown[]).filter((user) => user.user_id === userId));
const sees = (phone: Phone, userId: string, status: string): Promise<Shown | false | undefined> =>
  until(`${userId} ${status}`, () => shown(phone, userId).at(-1)?.status === status && shown(phone, userId).at(-1));

/** As apisvc does it: the list into the cache, then the word. */
const follow = async (person: Person, userIds: readonly string[]): Promise<void> => {
  const { cache } = gateway.host.engines;
  await cache.set(watchKey(person.sessionId), userIds.join(","), 60_000);
  await publishSignal(cache, gateway.lease.slot, { kind: "watch", userId: person.id, sessionId: person.sessionId });
};

test("a list that waits in the cache is followed from the connect on, without a word", async () => {
  const [ann, bob] = [await gateway.person(), await gateway.person()];
  await gateway.host.engines.cache.set(watchKey(bob.sessionId), ann.id, 60_000);
  const phone = await gateway.online(bob);
  await sees(phone, ann.id, "offline");
  const other = await gateway.online(ann);
  await sees(phone, ann.id, "active");
  other.send({ type: "PRESENCE", status: "away" });
  await sees(phone, ann.id, "away");
  const before = Date.now();
  other.close();
  expect(await sees(phone, ann.id, "offline")).toMatchObject({ last_seen: expect.any(Number) });
  expect(shown(phone, ann.id).at(-1)?.last_seen).toBeGreaterThanOrEqual(before - 1_000);
  expect(phone.frames[0]?.type).toBe("HELLO");
});

test("a user who comes and goes is told as it is in the end, not each time", async () => {
  const [ann, bob] = [await gateway.person(), await gateway.person()];
  const [phone, other] = [await gateway.online(bob), await gateway.online(ann)];
  await follow(bob, [ann.id]);
  await sees(phone, ann.id, "active");
  // A few times within the budget of frames, and the word of it far more often.
  for (let i = 0; i < 9; i++) other.send({ type: "PRESENCE", status: i % 2 === 0 ? "away" : "active" });
  for (let i = 0; i < 200; i++) await publishPresence(gateway.host.engines.cache, "routes", [ann.id]);
  await sees(phone, ann.id, "away");
  expect(shown(phone, ann.id).length).toBeLessThanOrEqual(3);
  // Gone and back at once is not gone.
  other.close();
  const again = await gateway.online(ann);
  await sees(phone, ann.id, "active");
  expect(shown(phone, ann.id).map(({ status }) => status)).not.toContain("offline");
  again.close();
});

test("a gateway that dies takes its users offline when its lease ends", async () => {
  const { registry, cache } = gateway.host.engines;
  const [ann, bob] = [await gateway.person(), await gateway.person()];
  const phone = await gateway.online(bob);
  const slot = 900;
  const since = Date.now();
  const member = await registry.register("gateway", "another", { addresses: {}, slot, since });
  const route = { deviceId: "d", slot, connectionId: "c", sessionId: "s", platform: "web", status: "active", connectedAt: since + 1 };
  await cache.routes.register([{ userId: ann.id, route }]);
  await follow(bob, [ann.id]);
  await sees(phone, ann.id, "active");
  await member.close();
  await sees(phone, ann.id, "offline");
});

test("lost news is found", async () => {
  const { cache } = gateway.host.engines;
  const [ann, bob] = [await gateway.person(), await gateway.person()];
  const phone = await gateway.online(bob);
  await follow(bob, [ann.id]);
  await sees(phone, ann.id, "offline");
  const { slot } = gateway.lease;
  const route = { deviceId: "d", slot, connectionId: "c", sessionId: "s", platform: "web", status: "away", connectedAt: Date.now() + 1 };
  // Nobody says anything.
  await cache.routes.register([{ userId: ann.id, route }]);
  await sees(phone, ann.id, "away");
});

test("channels are listened to while somebody watches, pairs are counted, and there are never too many", async () => {
  const [ann, bob, cem] = [await gateway.person(), await gateway.person(), await gateway.person()];
  const phone = await gateway.online(bob);
  const other = await gateway.online(cem);
  await follow(bob, [ann.id]);
  await until("one channel", async () => (await gateway.metric("dunlin_presence_channels")) === 1);
  const many = Array.from({ length: 500 }, () => newId("U"));
  await follow(bob, many);
  await until("500 pairs", async () => (await gateway.metric("dunlin_presence_watched")) === 500);
  expect(await gateway.metric("dunlin_presence_channels")).toBeLessThanOrEqual(256);
  await until("all are shown", () => frames(phone).reduce((sum, frame) => sum + (frame["users"] as Shown[]).length, 0) >= 500);
  // A hundred in a frame: a handful of frames, not hundreds.
  expect(frames(phone).length).toBeLessThan(60);
  await follow(cem, many);
  await until("600 pairs", async () => (await gateway.metric("dunlin_presence_watched")) === 600);
  expect(await gateway.metric("dunlin_presence_unwatched_total")).toBe(400);
  phone.close();
  other.close();
  await until("no pairs", async () => (await gateway.metric("dunlin_presence_watched")) === 0);
  expect(await gateway.metric("dunlin_presence_channels")).toBe(0);
});

test("typing and presence for a socket that takes nothing are dropped; when it reads again it is shown how it is", async () => {
  const { cache } = gateway.host.engines;
  const [ann, bob] = [await gateway.person(), await gateway.person()];
  const [phone, other] = [await gateway.online(bob), await gateway.online(ann)];
  await follow(bob, [ann.id]);
  await sees(phone, ann.id, "active");
  phone.pause();
  const frame = JSON.stringify({ type: "TYPING", pad: "x".repeat(60_000) });
  const before = process.memoryUsage().arrayBuffers + process.memoryUsage().external;
  for (let i = 0; i < 1_000; i++) await publishSignal(cache, gateway.lease.slot, { kind: "show", to: [bob.id], frame });
  other.send({ type: "PRESENCE", status: "away" });
  await until("the route", async () => (await cache.routes.lookup([ann.id])).get(ann.id)?.[0]?.status === "away");
  const presences = await gateway.metric("dunlin_presence_frames_total");
  // 60 MB were thrown at it; the kernel has some, we hold one frame.
  expect(process.memoryUsage().arrayBuffers + process.memoryUsage().external - before).toBeLessThan(20_000_000);
  expect(phone.closed).toBeUndefined();
  expect(await gateway.metric("dunlin_presence_frames_total")).toBe(presences);
  phone.resume();
  await sees(phone, ann.id, "away");
  expect(phone.frames.filter(({ type }) => type === "TYPING").length).toBeLessThan(1_000);
});

test("who may see it is asked of syssvc, and again when it has changed", async () => {
  const { cache, store } = gateway.host.engines;
  const [ann, bob] = [await gateway.person(), await gateway.person()];
  const [phone] = [await gateway.online(bob), await gateway.online(ann)];
  const privacy = async (lastSeen: "everyone" | "contacts" | "nobody"): Promise<void> => {
    const row = { userId: ann.id, messages: "everyone", groups: "everyone", lastSeen, findByAccount: true } as const;
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, privacy: [row] }));
    await publishPresence(cache, "privacy", [ann.id]);
  };
  await privacy("nobody");
  await follow(bob, [ann.id, bob.id]);
  // One's own is always shown; nothing at all is told of who shows it to nobody.
  await sees(phone, bob.id, "active");
  expect(shown(phone, ann.id)).toEqual([]);
  await privacy("everyone");
  await sees(phone, ann.id, "active");
  await privacy("contacts");
  expect(await sees(phone, ann.id, "offline")).toMatchObject({ last_seen: null });
  const relation = 1;
  const pair = {
    id: conversationIdOf(ann.id, bob.id),
    kind: "user",
    lastSeq: 0,
    title: "",
    avatar: "",
    ownerId: "",
    createdAt: 1,
  } as const;
  await store.ingest.transaction((tx) => tx.write({ ...noChanges, conversations: [{ ...pair, relation }] }));
  await publishPresence(cache, "privacy", [ann.id]);
  await sees(phone, ann.id, "active");
});

test("junk on the channels is ignored", async () => {
  const { cache } = gateway.host.engines;
  const bob = await gateway.person();
  const phone = await gateway.online(bob);
  const { slot } = gateway.lease;
  for (const text of ["", "{", "null", "[]", '{"kind":"show"}', '{"kind":"watch","userId":1}', '{"kind":"newer"}']) {
    await cache.publish(`signals.${slot}`, Buffer.from(text));
    await cache.publish("presence.1", Buffer.from(text));
  }
  await publishSignal(cache, slot, { kind: "show", to: [bob.id, "nobody"], frame: '{"type":"TYPING"}' });
  await until("what is well formed", () => phone.frames.some(({ type }) => type === "TYPING"));
  expect(phone.closed).toBeUndefined();
});
