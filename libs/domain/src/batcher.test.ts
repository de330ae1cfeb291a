import { expect, test } from "vitest";
import { Batcher } from "./batcher.js";

test("keys of one turn share a load; what comes during a load goes together afterwards", async () => {
  const loads: number[][] = [];
  let release: () => void = () => undefined;
  const batcher = new Batcher<number, number>({
    load: async (keys) => {
      loads.push([...keys]);
      if (loads.length === 1) await new Promise<void>((resolve) => (release = resolve));
      return keys.map((k) => k * 10);
    },
    maxBatch: 3,
    maxRunning: 1,
    maxWaiting: 100,
  });
  const first = [1, 2].map((k) => batcher.get(k));
  await new Promise((resolve) => setImmediate(resolve));
  const later = [3, 4, 5, 6].map((k) => batcher.get(k));
  release();
  expect(await Promise.all([...first, ...later])).toEqual([10, 20, 30, 40, 50, 60]);
  expect(loads).toEqual([[1, 2], [3, 4, 5], [6]]);
});

test("a failed load fails its own keys only, and more than may wait is refused", async () => {
  let calls = 0;
  const batcher = new Batcher<number, number>({
    load: async (keys) => {
      calls += 1;
      if (calls === 1) throw new Error("away");
      return [...keys];
    },
    maxBatch: 2,
    maxRunning: 1,
    maxWaiting: 3,
  });
  const results = await Promise.allSettled([1, 2, 3, 4].map((k) => batcher.get(k)));
  expect(results.map((r) => r.status)).toEqual(["rejected", "rejected", "fulfilled", "rejected"]);
  expect((results[3] as PromiseRejectedResult).reason).toMatchObject({ code: "UNAVAILABLE" });
});
