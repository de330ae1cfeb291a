import { expect, test } from "vitest";
import { z } from "zod";
import { makeCursor, readCursor } from "./cursor.js";

const place = z.tuple([z.boolean(), z.int().min(0)]);

test("a cursor gives back the place it was made of", () => {
  expect(readCursor("dialogs", "U1", place, makeCursor("dialogs", "U1", [true, 7]))).toEqual([true, 7]);
});

test.each([
  ["of another user", makeCursor("dialogs", "U2", [true, 7])],
  ["of another list", makeCursor("history", "U1", [true, 7])],
  ["with a negative place", makeCursor("dialogs", "U1", [true, -7])],
  ["with another shape", makeCursor("dialogs", "U1", [7])],
  ["that is no cursor", "abc"],
  ["with other characters", "../../etc"],
  ["that is too long", makeCursor("dialogs", "U1", "x".repeat(1_000))],
])("one %s is refused", (_what, cursor) => {
  expect(() => readCursor("dialogs", "U1", place, cursor)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
});
