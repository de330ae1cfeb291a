import { AppError } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { Breaker, guarded } from "./breaker.js";

const setup = () => {
  const clock = { at: 0, monotonic: () => clock.at };
  const breaker = new Breaker({ name: "the store", timeoutMs: 20, failures: 2, openMs: 1_000, clock });
  return { clock, breaker };
};
const away = () => Promise.reject(new AppError("UNAVAILABLE"));

test("after some failures in a row calls fail at once, then one probes, and a success closes it", async () => {
  const { clock, breaker } = setup();
  let calls = 0;
  const call = (work: () => Promise<unknown>) =>
    breaker.run(() => {
      calls += 1;
      return work();
    });
  for (let i = 0; i < 5; i++) await expect(call(away)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(calls).toBe(2);
  clock.at = 1_001;
  await expect(call(away)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(call(away)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(calls).toBe(3);
  clock.at = 2_100;
  expect(await call(async () => 7)).toBe(7);
  expect(await call(async () => 8)).toBe(8);
});

test("a call that takes too long is unavailable; refusals by a healthy engine do not count", async () => {
  const { breaker } = setup();
  const guardedObject = guarded(
    { slow: () => new Promise<void>(() => undefined), taken: () => Promise.reject(new AppError("ACCOUNT_TAKEN")) },
    breaker,
  );
  await expect(guardedObject.slow()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  for (let i = 0; i < 5; i++) await expect(guardedObject.taken()).rejects.toMatchObject({ code: "ACCOUNT_TAKEN" });
  expect(breaker.open).toBe(false);
});
