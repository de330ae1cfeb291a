import { expect, test } from "vitest";
import { parseRetryAfter, pauseMs } from "./retry.js";

const policy = { attempts: 4, baseMs: 100, capMs: 1_000 };

test("pauses double, with jitter of a half, and end", () => {
  expect([1, 2, 3].map((tries) => pauseMs(policy, tries, undefined, () => 1))).toEqual([100, 200, 400]);
  expect(pauseMs(policy, 1, undefined, () => 0)).toBe(50);
  expect(pauseMs({ ...policy, attempts: 9 }, 8, undefined, () => 1)).toBe(1_000);
  expect(pauseMs(policy, 4, undefined)).toBeUndefined();
});

test("what the server asks for is never shortened; beyond the cap it is left to the caller", () => {
  expect(pauseMs(policy, 1, 800, () => 0)).toBe(800);
  expect(pauseMs(policy, 1, 800, () => 1)).toBe(1_000);
  expect(pauseMs(policy, 1, 1_001)).toBeUndefined();
});

test("Retry-After as seconds and as a date", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(parseRetryAfter("3", now)).toBe(3_000);
  expect(parseRetryAfter("Thu, 01 Jan 2026 00:00:05 GMT", now)).toBe(5_000);
  expect(parseRetryAfter("Wed, 31 Dec 2025 23:59:00 GMT", now)).toBe(0);
  for (const none of [null, "", "soon"]) expect(parseRetryAfter(none, now)).toBeUndefined();
});
