import { expect, test } from "vitest";
import { Breaker } from "./breaker.js";

test("three failures in a row close the way; one probe at a time reopens it", () => {
  const breaker = new Breaker();
  breaker.failed(0);
  breaker.failed(0);
  expect(breaker.admits(0)).toBe(true);
  breaker.failed(0);
  expect(breaker.admits(499)).toBe(false);
  expect(breaker.admits(500)).toBe(true);
  expect(breaker.admits(501)).toBe(false);
  breaker.failed(600);
  expect(breaker.admits(1_500)).toBe(false);
  expect(breaker.admits(1_600)).toBe(true);
  breaker.succeeded();
  expect(breaker.admits(1_601)).toBe(true);
  expect(breaker.admits(1_601)).toBe(true);
});

test("the pause stops growing at ten seconds", () => {
  const breaker = new Breaker();
  for (let i = 0; i < 40; i++) breaker.failed(0);
  expect(breaker.admits(9_999)).toBe(false);
  expect(breaker.admits(10_000)).toBe(true);
});
