import { createLogger, systemClock } from "@dunlin/runtime";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, fresh } from "../testing/eventually.js";
import { aRoute, cacheContract } from "./contract.js";
import { ROUTE_TTL_MS } from "./port.js";
import { RedisCache } from "./redis/index.js";
import { hasRedisServer, RedisProcess } from "./redis-process.js";

const deps = { logger: createLogger({ service: "test", level: "silent" }), namespace: "dunlin", clock: systemClock };
const url = process.env["IM_REDIS_URL"] ?? "redis://127.0.0.1:6379";

cacheContract("redis", { open: () => RedisCache.open(url, deps) });

const unavailable = { code: "UNAVAILABLE" };

describe("redis", () => {
  const opened: RedisCache[] = [];
  const open = async (at = url, clock = deps.clock): Promise<RedisCache> => {
    const cache = await RedisCache.open(at, { ...deps, clock });
    opened.push(cache);
    return cache;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()));
  });

  test("routes of 1,200 users in one call, each of them back", async () => {
    const cache = await open();
    const users = Array.from({ length: 1_200 }, (_, i) => fresh(`U${i}`));
    await cache.routes.register(users.map((userId, i) => ({ userId, route: aRoute("web", `c${i}`) })));
    const found = await cache.routes.lookup(users);
    expect(users.map((userId) => found.get(userId)?.[0]?.connectionId)).toEqual(users.map((_, i) => `c${i}`));
    await cache.routes.remove(users.map((userId, i) => ({ userId, deviceId: "web", connectionId: `c${i}` })));
    expect((await cache.routes.lookup(users)).size).toBe(0);
  });

  test("routes nobody renews are passed over after their time", async () => {
    let ms = Date.now();
    const cache = await open(url, { now: () => ms, monotonic: () => performance.now() });
    const ann = fresh("Uann");
    await cache.routes.register([{ userId: ann, route: aRoute("a", "c1") }]);
    ms += ROUTE_TTL_MS / 2;
    await cache.routes.register([{ userId: ann, route: aRoute("b", "c2") }]);
    ms += ROUTE_TTL_MS / 2;
    expect((await cache.routes.lookup([ann])).get(ann)).toEqual([aRoute("b", "c2")]);
  });

  test("fields that hold the separators come back as they were", async () => {
    const cache = await open();
    const ann = fresh("Uann");
    const odd = aRoute("d\n%09\t", "c\t%", { sessionId: "%25\n", platform: "100%", status: "\t" });
    await cache.routes.register([{ userId: ann, route: odd }]);
    expect((await cache.routes.lookup([ann])).get(ann)).toEqual([odd]);
    await cache.routes.remove([{ userId: ann, deviceId: odd.deviceId, connectionId: odd.connectionId }]);
    expect((await cache.routes.lookup([ann])).size).toBe(0);
  });

  test("opening does not wait for a Redis that is not there, and calls fail at once", async () => {
    const cache = await open("redis://127.0.0.1:1");
    const start = performance.now();
    await expect(cache.get("x")).rejects.toMatchObject(unavailable);
    await expect(cache.ping()).rejects.toMatchObject(unavailable);
    await expect(cache.subscribe("x", () => {})).rejects.toMatchObject(unavailable);
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe.runIf(hasRedisServer)("redis under faults", () => {
  let redis: RedisProcess;
  const opened: RedisCache[] = [];
  const open = async (): Promise<RedisCache> => {
    const cache = await RedisCache.open(redis.url, deps);
    opened.push(cache);
    return cache;
  };
  beforeAll(async () => {
    redis = await RedisProcess.start();
  });
  afterEach(async () => {
    redis.signal("SIGCONT");
    await Promise.all(opened.splice(0).map((cache) => cache.close()));
  });
  afterAll(() => redis.close());

  /** A cache that registers its route again whenever it is told to, and counts how often. */
  const registered = async (): Promise<{ cache: RedisCache; user: string; told: () => number }> => {
    const cache = await open();
    const user = fresh("Uann");
    const register = () => cache.routes.register([{ userId: user, route: aRoute("web", "c") }]);
    let told = 0;
    cache.onEmptied(() => {
      told++;
      void register();
    });
    await register();
    // The first look at the server has been had when a second command is answered after it.
    await eventually(async () => expect(await redis.command("EXISTS", "dunlin:generation")).toBe(1));
    return { cache, user, told: () => told };
  };

  test("emptied by FLUSHALL: everybody is told once within 3 s", async () => {
    const [a, b] = [await registered(), await registered()];
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect([a.told(), b.told()]).toEqual([0, 0]);
    await redis.command("FLUSHALL");
    await eventually(() => expect([a.told(), b.told()]).toEqual([1, 1]), 3_000);
    await eventually(async () => expect((await a.cache.routes.lookup([a.user, b.user])).size).toBe(2));
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect([a.told(), b.told()]).toEqual([1, 1]);
  });

  test("killed and started again without its data: calls fail at once, then all is registered and subscribed again", async () => {
    const { cache, user, told } = await registered();
    const channel = fresh("channel");
    let heard = 0;
    await cache.subscribe(channel, () => heard++);
    await redis.kill();
    await eventually(async () => expect(await cache.get("x").catch((error: unknown) => error)).toMatchObject(unavailable));
    const start = performance.now();
    await expect(cache.set("x", "y", 1000)).rejects.toMatchObject(unavailable);
    expect(performance.now() - start).toBeLessThan(100);
    await redis.start();
    await eventually(() => expect(told()).toBe(1), 3_000);
    await eventually(async () => expect((await cache.routes.lookup([user])).size).toBe(1));
    await eventually(async () => {
      await cache.publish(channel, Buffer.from("hello"));
      expect(heard).toBeGreaterThan(0);
    });
  });

  test("stopped: every call is refused within 2 s, later ones at once, and none when it goes on", async () => {
    const { cache, told } = await registered();
    redis.signal("SIGSTOP");
    const calls = Array.from({ length: 50 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 20));
      const start = performance.now();
      await expect(cache.reserve(`key ${i}`, "x", 1_000)).rejects.toMatchObject(unavailable);
      return performance.now() - start;
    });
    expect(Math.max(...(await Promise.all(calls)))).toBeLessThan(2_000);
    const start = performance.now();
    await expect(cache.get("x")).rejects.toMatchObject(unavailable);
    expect(performance.now() - start).toBeLessThan(100);
    redis.signal("SIGCONT");
    await eventually(() => cache.ping());
    await cache.set("after", "it", 10_000);
    expect(await cache.get("after")).toBe("it");
    expect(told()).toBe(0);
  });

  test("a key of another type, a full memory and too many clients are refused as UNAVAILABLE, and pass", async () => {
    const cache = await open();
    await redis.command("LPUSH", "dunlin:kv:list", "x");
    await expect(cache.reserve("list", "x", 1_000)).rejects.toMatchObject(unavailable);
    await expect(cache.get("list")).rejects.toMatchObject(unavailable);
    await redis.command("SET", "dunlin:route:U1", "x");
    expect((await cache.routes.lookup(["U1"])).size).toBe(0);
    await cache.routes.register([{ userId: "U1", route: aRoute("web", "c") }]);
    expect((await cache.routes.lookup(["U1"])).size).toBe(1);

    await redis.command("CONFIG", "SET", "maxmemory", "1");
    await expect(cache.set("x", "y", 1_000)).rejects.toMatchObject(unavailable);
    await expect(cache.routes.register([{ userId: "U2", route: aRoute("web", "c") }])).rejects.toMatchObject(unavailable);
    expect((await cache.routes.lookup(["U1"])).size).toBe(1);
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    await cache.set("x", "y", 1_000);

    // One place stays for the test itself.
    await redis.command("CONFIG", "SET", "maxclients", "1");
    await redis.command("CLIENT", "KILL", "TYPE", "normal");
    await eventually(async () => expect(await cache.get("x").catch((error: unknown) => error)).toMatchObject(unavailable));
    await eventually(() => redis.command("CONFIG", "SET", "maxclients", "1000"));
    await eventually(() => cache.ping());
  });

  test("a limiter goes on counting in memory while Redis is stopped, killed or full, and together again afterwards", async () => {
    const [one, two] = [await open(), await open()];
    const limit = { name: "faults", points: 10, windowS: 60 };
    const [here, there] = [one.limiter(limit), two.limiter(limit)];
    const key = fresh("U");
    await here.add(key, 5);
    const unharmed = async (): Promise<void> => {
      const other = fresh("U");
      const start = performance.now();
      await Promise.all(Array.from({ length: 10 }, () => here.add(other, 1)));
      expect((await here.add(other, 1)).used).toBe(11);
      await here.block(other, 10);
      expect((await here.add(other, 1)).resetMs).toBeGreaterThan(5_000);
      expect(performance.now() - start).toBeLessThan(1_500);
    };
    redis.signal("SIGSTOP");
    await unharmed();
    redis.signal("SIGCONT");
    await redis.command("CONFIG", "SET", "maxmemory", "1");
    await unharmed();
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    await eventually(async () => expect((await there.add(key, 0)).used).toBe(5));
    await redis.kill();
    await unharmed();
    await redis.start();
    const shared = fresh("U");
    await eventually(async () => {
      const before = (await there.add(shared, 1)).used;
      expect((await here.add(shared, 1)).used).toBe(before + 1);
    });
  });

  test("a server that knows no script any more is told it again", async () => {
    const cache = await open();
    await cache.routes.register([{ userId: "U3", route: aRoute("web", "c") }]);
    await redis.command("SCRIPT", "FLUSH");
    expect((await cache.routes.lookup(["U3"])).size).toBe(1);
  });

  test("what a killed reader's channel missed is lost; what comes after its return arrives in order", async () => {
    const [publisher, reader] = [await open(), await open()];
    const channel = fresh("channel");
    const heard: string[] = [];
    await reader.subscribe(channel, (message) => heard.push(Buffer.from(message).toString()));
    await redis.command("CLIENT", "KILL", "TYPE", "pubsub");
    await eventually(async () => {
      await publisher.publish(channel, Buffer.from("probe"));
      expect(heard).toContain("probe");
    });
    const sent = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    await Promise.all(sent.map((message) => publisher.publish(channel, Buffer.from(message))));
    await eventually(() => expect(heard.filter((message) => message !== "probe")).toEqual(sent));
  });
});
