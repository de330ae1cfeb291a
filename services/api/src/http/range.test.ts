import { expect, test } from "vitest";
import { rangeOf } from "./range.js";

test("one range of bytes, as RFC 9110 has it", () => {
  expect(rangeOf("bytes=0-0", 10)).toEqual({ start: 0, end: 0 });
  expect(rangeOf("bytes=3-5", 10)).toEqual({ start: 3, end: 5 });
  expect(rangeOf("bytes=3-", 10)).toEqual({ start: 3, end: 9 });
  expect(rangeOf("bytes=3-99", 10)).toEqual({ start: 3, end: 9 });
  expect(rangeOf("bytes=-4", 10)).toEqual({ start: 6, end: 9 });
  expect(rangeOf("bytes=-99", 10)).toEqual({ start: 0, end: 9 });
});

test("what is no range, or several, means the whole", () => {
  for (const header of [undefined, "", "bytes=", "bytes=-", "bytes=5-3", "bytes=0-1,3-4", "items=0-1", "bytes=x-1", "bytes=0x1-2"]) {
    expect(rangeOf(header, 10)).toBeUndefined();
  }
});

test("outside is an error", () => {
  for (const header of ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=999999999999999-"]) {
    expect(() => rangeOf(header, 10)).toThrow(expect.objectContaining({ code: "RANGE_OUTSIDE" }));
  }
});
