import { expect, test } from "vitest";
import { parseQuery } from "./query.js";

test("names and values are decoded", () => {
  expect(parseQuery("/x?a=1&b=x%20y+z&c&d=")).toEqual({ a: "1", b: "x y z", c: "", d: "" });
  expect(parseQuery("/x")).toEqual({});
  expect(parseQuery("/x?")).toEqual({});
});

test("a name of every object is just a name", () => {
  expect(Object.keys(parseQuery("/x?constructor=1&__proto__=2"))).toEqual(["constructor", "__proto__"]);
});

test.each(["/x?a=1&a=2", "/x?a=1&%61=2", "/x?a=%", "/x?a=%ff", "/x?a=%00"])("%s is refused", (url) => {
  expect(() => parseQuery(url)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
});
