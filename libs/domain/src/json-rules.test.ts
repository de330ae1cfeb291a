import { expect, test } from "vitest";
import { checkJson, JSON_DEPTH_MAX } from "./json-rules.js";

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

test.each([
  ["a duplicate key", '{"a":1,"a":2}'],
  ["a duplicate key further in", '{"x":[{"a":1,"b":{"c":1},"a":2}]}'],
  ["a duplicate key behind escapes", '{"a":1,"\\u0061":2}'],
  ["a duplicate key among many", `{${Array.from({ length: 40 }, (_, i) => `"k${i}":1`).join(",")},"k3":1}`],
  ["__proto__", '{"__proto__":{}}'],
  ["__proto__ behind escapes", '{"a":{"\\u005f_proto__":1}}'],
  ["nesting one too deep", nested(JSON_DEPTH_MAX + 1)],
  ["nesting 10,000 deep", nested(10_000)],
  ["objects 10,000 deep", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
  ["NUL", '{"a":"x\\u0000"}'],
  ["NUL in a key", '{"a\\u0000":1}'],
  ["a lone high surrogate", '["\\ud800"]'],
  ["a lone low surrogate", '["\\uDC00x"]'],
  ["a surrogate pair the wrong way round", '["\\udc00\\ud800"]'],
])("%s is refused", (_what, text) => {
  JSON.parse(text);
  expect(() => checkJson(text)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
});

test.each([
  ["equal keys in different objects", '{"a":{"a":[{"a":1},{"a":2}]},"b":"a"}'],
  ["values that look like keys", '{"a":"b","b":"a","c":["a","a",{"a":"a"}]}'],
  ["braces, quotes and backslashes in texts", '{"a":"{\\"a\\":1,\\"a\\":2}","b":"\\\\","c":"\\\\\\"","d":"[[[["}'],
  ["a surrogate pair", '["\\ud83d\\ude00"]'],
  ["an escaped backslash before u0000", '["\\\\u0000"]'],
  ["the deepest nesting", nested(JSON_DEPTH_MAX)],
  ["no object at all", '"text"'],
  ["empty things", '{"a":{},"b":[],"c":""}'],
  ["many keys", `{${Array.from({ length: 40 }, (_, i) => `"k${i}":1`).join(",")}}`],
])("%s passes", (_what, text) => {
  JSON.parse(text);
  checkJson(text);
});

test("a message of 300 characters is checked in a few microseconds", () => {
  const text = JSON.stringify({
    to: "U4f8sXb2QmYk9Tz",
    client_msg_id: "k3jd93jdk29dk39dk2",
    payload: { msg_type: "text", text: "x".repeat(120) },
    mentions: [],
    push: { title: "t", body: "b" },
  });
  for (let i = 0; i < 5_000; i++) checkJson(text);
  const begin = performance.now();
  for (let i = 0; i < 5_000; i++) checkJson(text);
  // A hundred times what it takes on an idle machine: only a scan that went quadratic fails.
  expect((performance.now() - begin) / 5_000).toBeLessThan(0.2);
});
