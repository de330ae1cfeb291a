import { expect, test } from "vitest";
import { RateLimit } from "./rate-limit.js";

const setup = (perWindow: number, windowMs: number) => {
  const clock = { at: 0, monotonic: () => clock.at };
  return { clock, limit: new RateLimit(perWindow, windowMs, clock) };
};

test("a burst up to the limit passes, then one token a share of the window", () => {
  const { clock, limit } = setup(60, 60_000);
  for (let i = 0; i < 60; i++) expect(limit.take("a")).toBe(0);
  expect(limit.take("a")).toBe(1);
  expect(limit.wait("a")).toBe(1);
  expect(limit.take("b")).toBe(0);
  clock.at = 1_000;
  expect(limit.wait("a")).toBe(0);
  expect(limit.take("a")).toBe(0);
  expect(limit.take("a", 30)).toBe(30);
});

test("more than the bucket holds passes when it is full, and is paid back", () => {
  const { clock, limit } = setup(10, 1_000);
  expect(limit.take("a", 100)).toBe(0);
  expect(limit.take("a")).toBe(10);
  clock.at = 10_100;
  expect(limit.take("a", 10)).toBe(0);
});

test("zero is no limit", () => {
  const { limit } = setup(0, 1_000);
  for (let i = 0; i < 1_000; i++) expect(limit.take("a", 1_000)).toBe(0);
});
