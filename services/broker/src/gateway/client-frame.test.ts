import fc from "fast-check";
import { expect, test } from "vitest";
import { parseClientFrame } from "./client-frame.js";

const parse = (text: string) => parseClientFrame(new TextEncoder().encode(text));

test("the three frames a client may send", () => {
  expect(parse('{"type":"ACK","pts":42}')).toEqual({ type: "ACK", pts: 42 });
  expect(parse('{"type":"ACK","pts":0}')).toEqual({ type: "ACK", pts: 0 });
  expect(parse(' { "pts" : 7 , "type" : "ACK" } ')).toEqual({ type: "ACK", pts: 7 });
  expect(parse('{"type":"PRESENCE","status":"away"}')).toEqual({ type: "PRESENCE", status: "away" });
  expect(parse('{"type":"PING"}')).toEqual({ type: "PING" });
});

test.each([
  "",
  "{}",
  "null",
  "[]",
  "42",
  '"ACK"',
  '{"type":"ACK"}',
  '{"type":"ACK","pts":}',
  '{"type":"ACK","pts":-1}',
  '{"type":"ACK","pts":1.5}',
  '{"type":"ACK","pts":1e3x}',
  '{"type":"ACK","pts":007}',
  '{"type":"ACK","pts":"7"}',
  '{"type":"ACK","pts":9007199254740993}',
  '{"type":"ACK","pts":99999999999999999999}',
  '{"type":"ACK","pts":1,"x":1}',
  '{"type":"ack","pts":1}',
  '{"type":"PING","x":1}',
  '{"type":"PRESENCE"}',
  '{"type":"PRESENCE","status":"offline"}',
  '{"type":"C2C","to":"U1"}',
  '{"__proto__":{"type":"PING"}}',
  `${"[".repeat(2000)}`,
])("anything else is refused: %s", (text) => {
  expect(parse(text)).toBeUndefined();
});

test("the short way and the JSON parser agree on every ACK", () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (pts) => {
      expect(parse(`{"type":"ACK","pts":${pts}}`)).toEqual({ type: "ACK", pts });
    }),
  );
});

test("no bytes make it throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void parseClientFrame(bytes)));
});
