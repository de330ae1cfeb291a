import { expect, test } from "vitest";
import { SessionCheck } from "./session-check.js";

const checkWith = (answers: Record<string, boolean>) => {
  let now = 0;
  const asked: string[] = [];
  const check = new SessionCheck(
    async (_user, session) => {
      asked.push(session);
      return answers[session] ?? false;
    },
    { monotonic: () => now },
  );
  return { check, asked, answers, advance: (ms: number) => (now += ms) };
};

test("a good session is asked about once in ten seconds, a bad one every time", async () => {
  const { check, asked, advance } = checkWith({ good: true });
  expect(await check.active("U", "good")).toBe(true);
  expect(await check.active("U", "good")).toBe(true);
  expect(await check.active("U", "bad")).toBe(false);
  expect(await check.active("U", "bad")).toBe(false);
  expect(asked).toEqual(["good", "bad", "bad"]);
  advance(10_000);
  await check.active("U", "good");
  expect(asked).toHaveLength(4);
});

test("a revoked session is not remembered", async () => {
  const { check, answers } = checkWith({ a: true, b: true });
  await check.active("U", "a");
  await check.active("U", "b");
  answers["a"] = false;
  answers["b"] = false;
  check.forget(["a"]);
  expect(await check.active("U", "a")).toBe(false);
  expect(await check.active("U", "b")).toBe(true);
  check.forget(undefined);
  expect(await check.active("U", "b")).toBe(false);
});
