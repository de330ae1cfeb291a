import { expect, test } from "vitest";
import { Health, withTimeout } from "./health.js";

test("ready only when started, not draining, and every check holds", async () => {
  const health = new Health();
  let broken = false;
  health.add("store", () => {
    if (broken) throw new Error("away");
  });
  health.starting();
  expect(await health.report()).toEqual({ ready: false, checks: { starting: "yes", store: "ok" } });
  health.started();
  expect(await health.report()).toEqual({ ready: true, checks: { store: "ok" } });
  broken = true;
  expect(await health.report()).toEqual({ ready: false, checks: { store: "away" } });
  health.remove("store");
  health.drain();
  expect(await health.report()).toEqual({ ready: false, checks: { draining: "yes" } });
});

test("a check that does not answer is a failed one", async () => {
  await expect(withTimeout(new Promise(() => {}), 10)).rejects.toThrow("timed out after 10 ms");
  await expect(withTimeout(Promise.resolve(1), 10)).resolves.toBe(1);
});
