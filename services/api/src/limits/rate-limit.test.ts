import { type Limiter, openCache } from "@dunlin/engines/cache";
import { createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { RateLimit } from "./rate-limit.js";

const deps = { logger: createLogger({ service: "test", level: "silent" }), metrics: new Metrics(), dataDir: "", namespace: "test" };

/** Processes that share one cache; `asked` counts the questions put to it. */
const setup = async (points: number, windowS: number) => {
  const cache = await openCache({ IM_REDIS_URL: undefined }, { ...deps, clock: systemClock });
  const shared = cache.limiter({ name: "test", points, windowS });
  let asked = 0;
  let ahead = 0;
  const counting: Limiter = {
    add: (key, n) => {
      asked += 1;
      return shared.add(key, n);
    },
    block: (key, seconds) => shared.block(key, seconds),
  };
  const clock = { monotonic: () => performance.now() + ahead };
  return {
    asked: () => asked,
    process: () => new RateLimit({ limiter: counting, points, windowS, clock }),
    /** Lets the processes, not the cache, believe that time has passed. */
    later: (ms: number) => {
      ahead += ms;
    },
  };
};

const takeMany = async (limit: RateLimit, times: number): Promise<number> => {
  let passed = 0;
  for (let i = 0; i < times; i++) if ((await limit.take("a")) === 0) passed += 1;
  return passed;
};

test("as many as the limit pass, then nothing until the window ends; other keys are others", async () => {
  const { process } = await setup(60, 60);
  const limit = process();
  expect(await takeMany(limit, 100)).toBe(60);
  const seconds = await limit.take("a");
  expect(seconds).toBeGreaterThan(50);
  expect(seconds).toBeLessThanOrEqual(60);
  expect(await limit.take("b")).toBe(0);
});

test("many at a time are limited as one after another", async () => {
  const { process } = await setup(60, 60);
  const limit = process();
  const waits = await Promise.all(Array.from({ length: 200 }, () => limit.take("a")));
  expect(waits.filter((wait) => wait === 0)).toHaveLength(60);
});

test("below a tenth nobody is asked, above it once for each tenth, beyond the limit never", async () => {
  const { process, asked } = await setup(100, 60);
  const limit = process();
  for (let i = 0; i < 10; i++) expect(limit.take("a")).toBe(0);
  expect(asked()).toBe(0);
  expect(await takeMany(limit, 90)).toBe(90);
  expect(asked()).toBe(9);
  expect(await takeMany(limit, 500)).toBe(0);
  expect(asked()).toBe(10);
  expect(limit.take("a")).toBeGreaterThan(0);
});

test("two processes share a limit, give or take the tenth that each takes on trust", async () => {
  const { process } = await setup(100, 60);
  const [one, two] = [process(), process()];
  let passed = 0;
  for (let i = 0; i < 200; i++) passed += (await takeMany(one, 1)) + (await takeMany(two, 1));
  expect(passed).toBeGreaterThanOrEqual(100);
  expect(passed).toBeLessThanOrEqual(120);
});

test("a small limit is shared to the point", async () => {
  const { process } = await setup(3, 60);
  const [one, two] = [process(), process()];
  expect([await one.take("a"), await two.take("a"), await one.take("a")]).toEqual([0, 0, 0]);
  expect(await two.take("a")).toBeGreaterThan(0);
  expect(await one.take("a")).toBeGreaterThan(0);
});

test("what is given back can be taken again", async () => {
  for (const points of [1, 3, 50]) {
    const { process } = await setup(points, 60);
    const limit = process();
    for (let i = 0; i < 200; i++) {
      expect(await limit.take("a")).toBe(0);
      limit.giveBack("a");
    }
    expect(await takeMany(limit, 100)).toBe(points);
  }
});

test("more than a window holds passes when nothing was taken before, and is paid for", async () => {
  const { process, later } = await setup(10, 1);
  const limit = process();
  expect(await limit.take("a", 100)).toBe(0);
  expect(await limit.take("a")).toBe(10);
  later(5_000);
  expect(await limit.take("a")).toBe(5);
  for (let i = 0; i < 5; i++) expect(await limit.take("b")).toBe(0);
  expect(await limit.take("b", 100)).toBe(1);
});

test("zero is no limit", async () => {
  const { process, asked } = await setup(0, 1);
  const limit = process();
  for (let i = 0; i < 1_000; i++) expect(limit.take("a", 1_000)).toBe(0);
  limit.giveBack("a");
  expect(asked()).toBe(0);
});
