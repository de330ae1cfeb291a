import { expect, test } from "vitest";
import { murmur2, partitionOf } from "./murmur2.js";

// From UtilsTest.testMurmur2 of Kafka's Java client (there as signed numbers).
test.each([
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
])("murmur2 of %s is Kafka's", (key, hash) => {
  expect(murmur2(Buffer.from(key)) | 0).toBe(hash);
});

test("partitions are those of the bytes, whatever the key's length and letters", () => {
  for (const key of ["", "a", "schlüssel", "😀", "x".repeat(2_000), "ü".repeat(400)]) {
    expect(partitionOf(key, 64)).toBe((murmur2(Buffer.from(key)) & 0x7fffffff) % 64);
  }
  expect(partitionOf("anything", 1)).toBe(0);
});
