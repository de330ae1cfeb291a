import { type Clock, createLogger } from "@dunlin/runtime";
import { afterEach, expect, test } from "vitest";
import { aRoute, cacheContract } from "./contract.js";
import { MemoryCache } from "./memory/index.js";
import { ROUTE_TTL_MS } from "./port.js";

const logger = createLogger({ service: "test", level: "silent" });
const time = { now: Date.now, monotonic: () => performance.now() };
let shared: MemoryCache | undefined;

afterEach(async () => {
  await shared?.close();
  shared = undefined;
});

cacheContract("memory", {
  // One process has one memory: both "processes" of a test are the same cache.
  open: async () => {
    shared ??= new MemoryCache({ logger, clock: time });
    return shared;
  },
});

test("routes nobody renews go after their time", async () => {
  let ms = 0;
  const clock: Clock = { now: () => ms, monotonic: () => ms };
  const cache = new MemoryCache({ logger, clock });
  await cache.routes.register([
    { userId: "U1", route: aRoute("a", "c1") },
    { userId: "U1", route: aRoute("b", "c2") },
  ]);
  ms = ROUTE_TTL_MS / 2;
  await cache.routes.register([{ userId: "U1", route: aRoute("b", "c2") }]);
  ms = ROUTE_TTL_MS;
  expect((await cache.routes.lookup(["U1"])).get("U1")).toEqual([aRoute("b", "c2")]);
  ms = ROUTE_TTL_MS * 2;
  expect((await cache.routes.lookup(["U1"])).size).toBe(0);
  await cache.close();
});
