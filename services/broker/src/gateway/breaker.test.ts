import { expect, test } from "vitest";
import { Breaker } from "./breaker.js";

test("three failures in a row shut the way; one call at a time tries it; the first answer opens it", () => {
  const breaker = new Breaker();
  breaker.failed(0, 10);
  breaker.failed(0, 10);
  expect(breaker.admits(10)).toBe(true);
  breaker.failed(10, 20);
  expect(breaker.admits(269)).toBe(false);
  expect(breaker.willing(270)).toBe(true);
  expect(breaker.admits(270)).toBe(true);
  expect(breaker.admits(271)).toBe(false);
  breaker.failed(270, 300);
  expect(breaker.admits(799)).toBe(false);
  expect(breaker.admits(800)).toBe(true);
  breaker.succeeded(800);
  expect(breaker.admits(801)).toBe(true);
  expect(breaker.admits(801)).toBe(true);
});

test("a hundred calls that fail in one bad moment shut it no longer than three", () => {
  const breaker = new Breaker();
  for (let i = 0; i < 100; i++) breaker.failed(0, 2_000 + i);
  expect(breaker.admits(2_251)).toBe(false);
  expect(breaker.admits(2_252)).toBe(true);
});

test("however long it fails, it is tried again every two seconds", () => {
  const breaker = new Breaker();
  let now = 0;
  for (let i = 0; i < 40; i++) {
    breaker.failed(now, now);
    now += 2_000;
    expect(breaker.admits(now)).toBe(true);
  }
});

test("failures of calls older than the last one answered say nothing", () => {
  const breaker = new Breaker();
  breaker.succeeded(100);
  for (let i = 0; i < 10; i++) breaker.failed(99, 2_099);
  expect(breaker.admits(2_100)).toBe(true);
  for (let i = 0; i < 3; i++) breaker.failed(100, 2_101);
  expect(breaker.admits(2_102)).toBe(false);
});
