import { queue as records, SCHEMA_VERSION } from "@dunlin/proto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodePush } from "./decode.js";

const USER = "U11111111111111";
const push: records.Push = {
  version: SCHEMA_VERSION,
  userId: USER,
  messageId: "42",
  conversationId: "G11111111111111",
  type: "C2G",
  from: "U22222222222222",
  payload: "{}",
  push: '{"silent":true}',
  pts: 7,
  createdAt: 1,
  mention: true,
};
const decode = (key: string | null, value: Uint8Array | null) => decodePush({ partition: 0, offset: 0, key, value, timestamp: 0 });
const bytes = (changes: Partial<records.Push> = {}): Uint8Array => records.Push.encode({ ...push, ...changes }).finish();

test("a push is read with its preferences", () => {
  expect(decode(USER, bytes())).toEqual({ push, preferences: { silent: true } });
  expect(decode(USER, bytes({ push: undefined }))).toMatchObject({ preferences: undefined });
});

test("what is wrong is said", () => {
  expect(decode(null, bytes())).toBe("key is not the user");
  expect(decode(USER, null)).toBe("no value");
  expect(decode(USER, bytes({ version: 2 }))).toBe("unknown schema version 2");
  expect(decode(USER, bytes({ push: "[]" }))).toBe("wrong push preferences");
});

test("whatever the bytes are, it answers and does not throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (value) => {
      expect(typeof decode(USER, value)).toBe("string");
    }),
  );
});
