import { expect, test } from "vitest";
import { Sequence } from "./sequence.js";

const of = (...pts: number[]) => pts.map((n) => ({ pts: n }));

test("hands out what follows, drops doubles", () => {
  const sequence = new Sequence(4);
  expect(sequence.take({ pts: 5 })).toEqual(of(5));
  expect(sequence.take({ pts: 5 })).toEqual([]);
  expect(sequence.take({ pts: 2 })).toEqual([]);
  expect(sequence.pts).toBe(5);
  expect(sequence.hole).toBe(false);
});

test("what comes early waits until the hole is closed", () => {
  const sequence = new Sequence(0);
  expect(sequence.take({ pts: 3 })).toEqual([]);
  expect(sequence.take({ pts: 2 })).toEqual([]);
  expect(sequence.hole).toBe(true);
  expect(sequence.take({ pts: 1 })).toEqual(of(1, 2, 3));
  expect(sequence.hole).toBe(false);
});

test("what the buffer cannot keep is still known to be missing", () => {
  const sequence = new Sequence(0, 2);
  for (const pts of [3, 4, 5]) sequence.take({ pts });
  expect([...sequence.take({ pts: 1 }), ...sequence.take({ pts: 2 })]).toEqual(of(1, 2, 3, 4));
  expect(sequence.hole).toBe(true);
  expect(sequence.take({ pts: 5 })).toEqual(of(5));
  expect(sequence.hole).toBe(false);
});

test("a reset begins anew and forgets what waited", () => {
  const sequence = new Sequence(0);
  sequence.take({ pts: 3 });
  sequence.reset(10);
  expect(sequence.hole).toBe(false);
  expect(sequence.take({ pts: 3 })).toEqual([]);
  expect(sequence.take({ pts: 11 })).toEqual(of(11));
});
