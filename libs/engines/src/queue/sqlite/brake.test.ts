import { expect, test } from "vitest";
import { Brake } from "./brake.js";

test("producers wait for consumers that are far behind and moving, and go on when these have come closer", async () => {
  let behind = 5;
  const brake = new Brake(() => behind, 10);
  brake.moved();
  expect(brake.hold()).toBeUndefined();
  behind = 11;
  const order: string[] = [];
  const held = brake.hold()?.then(() => order.push("held"));
  expect(held).toBeDefined();
  brake.moved();
  await Promise.resolve();
  expect(order).toEqual([]);
  behind = 10;
  brake.moved();
  await held;
  expect(order).toEqual(["held"]);
});

test("nobody waits for consumers that never moved, and for moving ones not for ever", async () => {
  const brake = new Brake(() => 1_000, 10);
  expect(brake.hold()).toBeUndefined();
  brake.moved();
  await brake.hold();
});
