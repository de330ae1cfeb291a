import { expect, test } from "vitest";
import { Reorder } from "./reorder.js";

test("frames are taken by their place, once", () => {
  const held = new Reorder(0);
  expect(held.put(7, "seven")).toBe(true);
  expect(held.put(6, "six")).toBe(true);
  expect(held.put(6, "again")).toBe(true);
  expect(held.take(5)).toBeUndefined();
  expect(held.take(6)).toBe("six");
  expect(held.take(6)).toBeUndefined();
  expect(held.size).toBe(1);
});

test("it holds 64 frames and 64 Ki units of text, no more, and room comes back", () => {
  const held = new Reorder(0);
  for (let pts = 2; pts < 66; pts++) expect(held.put(pts, "x")).toBe(true);
  expect(held.put(66, "x")).toBe(false);
  held.dropUpTo(33);
  expect(held.size).toBe(32);
  expect(held.put(66, "y".repeat(64 * 1024))).toBe(false);
  expect(held.put(66, "y".repeat(1024))).toBe(true);
  held.dropUpTo(100);
  expect(held.put(67, "y".repeat(64 * 1024))).toBe(true);
});
