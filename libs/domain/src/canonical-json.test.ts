import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalHash, canonicalJson } from "./canonical-json.js";

const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
};

test("the order of keys does not matter, everything else does", () => {
  expect(canonicalJson({ b: [1, { d: 1, c: null }], a: "x" })).toBe('{"a":"x","b":[1,{"c":null,"d":1}]}');
  expect(canonicalHash({ a: 1, b: 2 })).toEqual(canonicalHash({ b: 2, a: 1 }));
  for (const other of [{ a: 1, b: 3 }, { a: 1 }, { a: "1", b: 2 }, [1, 2]]) {
    expect(canonicalHash(other)).not.toEqual(canonicalHash({ a: 1, b: 2 }));
  }
});

test("it is JSON of the same value, whatever the value", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as unknown;
      expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
      expect(canonicalJson(reversed(plain))).toBe(canonicalJson(plain));
    }),
  );
});
