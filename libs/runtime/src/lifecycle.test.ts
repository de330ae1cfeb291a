import { expect, test } from "vitest";
import { Closer } from "./lifecycle.js";

test("closes in reverse order, once, and everything even when one fails", async () => {
  const closed: string[] = [];
  const closer = new Closer();
  closer.add("first", () => void closed.push("first"));
  closer.add("second", () => {
    closed.push("second");
    throw new Error("stuck");
  });
  closer.add("third", async () => void closed.push("third"));
  await expect(closer.close()).rejects.toThrow(AggregateError);
  await expect(closer.close()).rejects.toThrow(AggregateError);
  expect(closed).toEqual(["third", "second", "first"]);
});
