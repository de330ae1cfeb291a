import { afterEach, describe, expect, test } from "vitest";
import { eventually, fresh } from "../testing/eventually.js";
import type { Cache, Route } from "./port.js";

/** What the suite needs to know about an engine. */
export interface CacheHarness {
  /** Opens a cache; those opened in one test share their content, as two processes would. */
  open(): Promise<Cache>;
}

export const aRoute = (deviceId: string, connectionId: string, more: Partial<Route> = {}): Route => ({
  deviceId,
  connectionId,
  slot: 7,
  sessionId: "s1",
  platform: "web",
  status: "active",
  connectedAt: 1_760_000_000_000,
  ...more,
});

const text = (message: Uint8Array): string => Buffer.from(message).toString();

/** What every cache engine must do. */
export const cacheContract = (name: string, harness: CacheHarness): void => {
  describe(`cache contract: ${name}`, () => {
    const opened: Cache[] = [];
    const open = async (): Promise<Cache> => {
      const cache = await harness.open();
      opened.push(cache);
      return cache;
    };
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((cache) => cache.close()));
    });

    test("reserve keeps the first value and answers it to everybody after", async () => {
      const cache = await open();
      const key = fresh("reserve");
      const answers = await Promise.all(["a", "b", "c"].map((value) => cache.reserve(key, value, 60_000)));
      expect(answers).toEqual([undefined, "a", "a"]);
      expect(await cache.get(key)).toBe("a");
    });

    test("a reservation ends after the time the first call gave it", async () => {
      const cache = await open();
      const key = fresh("reserve-ttl");
      expect(await cache.reserve(key, "a", 150)).toBeUndefined();
      await cache.reserve(key, "b", 60_000);
      await eventually(async () => expect(await cache.get(key)).toBeUndefined());
      expect(await cache.reserve(key, "c", 60_000)).toBeUndefined();
    });

    test("set replaces, get answers, delete removes, time removes", async () => {
      const cache = await open();
      const key = fresh("value");
      expect(await cache.get(key)).toBeUndefined();
      await cache.set(key, "one", 60_000);
      await cache.set(key, "zwei 😀\u0000", 60_000);
      expect(await cache.get(key)).toBe("zwei 😀\u0000");
      await cache.delete(key);
      await cache.delete(key);
      expect(await cache.get(key)).toBeUndefined();
      await cache.set(key, "short", 100);
      await eventually(async () => expect(await cache.get(key)).toBeUndefined());
    });

    test("routes: many users in one call, one route for each device, the newest registration wins", async () => {
      const cache = await open();
      const [ann, bob, nobody] = [fresh("Uann"), fresh("Ubob"), fresh("Unobody")];
      const phone = aRoute("phone", "c1", { platform: 'ios, "x"|\n\t', status: "away", slot: 1023 });
      await cache.routes.register([
        { userId: ann, route: phone },
        { userId: ann, route: aRoute("web", "c2") },
        { userId: bob, route: aRoute("phone", "c3", { sessionId: "" }) },
      ]);
      await cache.routes.register([{ userId: ann, route: aRoute("web", "c4", { slot: 0 }) }]);
      const found = await cache.routes.lookup([ann, nobody, bob]);
      expect([...found.keys()].sort()).toEqual([ann, bob].sort());
      const sorted = [...(found.get(ann) ?? [])].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
      expect(sorted).toEqual([phone, aRoute("web", "c4", { slot: 0 })]);
      expect(found.get(bob)).toEqual([aRoute("phone", "c3", { sessionId: "" })]);
    });

    test("routes: a late removal does not hit the successor", async () => {
      const cache = await open();
      const ann = fresh("Uann");
      await cache.routes.register([{ userId: ann, route: aRoute("web", "old") }]);
      await cache.routes.register([{ userId: ann, route: aRoute("web", "new") }]);
      await cache.routes.remove([{ userId: ann, deviceId: "web", connectionId: "old" }]);
      expect((await cache.routes.lookup([ann])).get(ann)).toEqual([aRoute("web", "new")]);
      await cache.routes.remove([
        { userId: ann, deviceId: "web", connectionId: "new" },
        { userId: ann, deviceId: "other", connectionId: "new" },
      ]);
      expect((await cache.routes.lookup([ann])).size).toBe(0);
    });

    test("routes: nothing asked, nothing answered", async () => {
      const cache = await open();
      await cache.routes.register([]);
      await cache.routes.remove([]);
      expect((await cache.routes.lookup([])).size).toBe(0);
    });

    test("a message reaches every subscriber of its channel once, in publisher order, with its bytes", async () => {
      const [publisher, reader] = [await open(), await open()];
      const [channel, other] = [fresh("channel"), fresh("other")];
      const heard: string[][] = [[], [], []];
      await publisher.subscribe(channel, (message) => heard[0]?.push(text(message)));
      await reader.subscribe(channel, (message) => heard[1]?.push(text(message)));
      await reader.subscribe(other, (message) => heard[2]?.push(text(message)));
      const sent = Array.from({ length: 200 }, (_, i) => `message ${i}`);
      await Promise.all(sent.map((message) => publisher.publish(channel, Buffer.from(message))));
      await publisher.publish(other, Uint8Array.of(0, 255, 10));
      await eventually(() => expect(heard.map((list) => list.length)).toEqual([200, 200, 1]));
      expect(heard[0]).toEqual(sent);
      expect(heard[1]).toEqual(sent);
      expect(heard[2]).toEqual([text(Uint8Array.of(0, 255, 10))]);
    });

    test("a listener that throws harms neither the others nor the publisher", async () => {
      const cache = await open();
      const channel = fresh("channel");
      const heard: string[] = [];
      await cache.subscribe(channel, () => {
        throw new Error("a bad listener");
      });
      await cache.subscribe(channel, (message) => heard.push(text(message)));
      await cache.publish(channel, Buffer.from("one"));
      await cache.publish(channel, Buffer.from("two"));
      await eventually(() => expect(heard).toEqual(["one", "two"]));
    });

    test("who has left hears nothing; who stays on the channel hears on", async () => {
      const cache = await open();
      const channel = fresh("channel");
      const heard: string[] = [];
      const first = await cache.subscribe(channel, () => heard.push("first"));
      await cache.subscribe(channel, () => heard.push("second"));
      await first.close();
      await first.close();
      await cache.publish(channel, Buffer.from("x"));
      await eventually(() => expect(heard).toEqual(["second"]));
    });

    test("a limiter counts a key's points over all processes, apart from other keys and limits", async () => {
      const [one, two] = [await open(), await open()];
      const limit = { name: fresh("limit"), points: 5, windowS: 60 };
      const [here, there] = [one.limiter(limit), two.limiter(limit)];
      const key = fresh("U");
      expect(await here.add(key, 1)).toMatchObject({ used: 1 });
      expect(await there.add(key, 3)).toMatchObject({ used: 4 });
      // More than fits is counted too: how much is left to whom is the caller's to say.
      const full = await here.add(key, 40);
      expect(full.used).toBe(44);
      expect(full.resetMs).toBeGreaterThan(50_000);
      expect(full.resetMs).toBeLessThanOrEqual(60_000);
      expect(await there.add(key, -4)).toMatchObject({ used: 40 });
      expect(await there.add(fresh("other"), 1)).toMatchObject({ used: 1 });
      expect(await there.add(`${key} phone:1`, 2)).toMatchObject({ used: 2 });
      expect(await one.limiter({ ...limit, name: fresh("limit") }).add(key, 1)).toMatchObject({ used: 1 });
    });

    test("many at a time are all counted, and a window ends", async () => {
      const limiter = (await open()).limiter({ name: fresh("limit"), points: 10, windowS: 1 });
      const key = fresh("10.0.0.1");
      const tallies = await Promise.all(Array.from({ length: 100 }, () => limiter.add(key, 1)));
      expect(Math.max(...tallies.map((tally) => tally.used))).toBe(100);
      await eventually(async () => expect((await limiter.add(key, 0)).used).toBe(0));
    });

    test("a blocked key is over its limit until the block ends, whatever its window", async () => {
      const limiter = (await open()).limiter({ name: fresh("limit"), points: 10, windowS: 1 });
      const key = fresh("U");
      await limiter.add(key, 1);
      await limiter.block(key, 30);
      const { used, resetMs } = await limiter.add(key, 1);
      expect(used).toBeGreaterThan(10);
      expect(resetMs).toBeGreaterThan(25_000);
    });

    test("a limiter answers also when the cache is closed", async () => {
      const cache = await open();
      const limiter = cache.limiter({ name: fresh("limit"), points: 10, windowS: 60 });
      await cache.close();
      await limiter.add("x", 1);
      expect((await limiter.add("x", 1)).used).toBe(2);
    });

    test("a closed cache refuses with UNAVAILABLE; closing twice is harmless", async () => {
      const cache = await open();
      await cache.ping();
      await cache.close();
      await cache.close();
      const calls = [
        cache.get("x"),
        cache.set("x", "y", 1000),
        cache.reserve("x", "y", 1000),
        cache.delete("x"),
        cache.routes.lookup(["U1"]),
        cache.routes.register([{ userId: "U1", route: aRoute("d", "c") }]),
        cache.routes.remove([{ userId: "U1", deviceId: "d", connectionId: "c" }]),
        cache.publish("x", new Uint8Array(1)),
        cache.subscribe("x", () => {}),
        cache.ping(),
      ];
      for (const result of await Promise.allSettled(calls)) {
        expect(result).toMatchObject({ status: "rejected", reason: { code: "UNAVAILABLE" } });
      }
    });
  });
};
