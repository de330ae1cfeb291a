import { expect, test } from "vitest";
import { fileIdsOf } from "./carried.js";
import { looksLike } from "./types.js";

const [a, b] = ["Faaaaaaaaaaaaaa", "Fbbbbbbbbbbbbbb"];

test("files are found wherever they stand, each once", () => {
  expect(fileIdsOf(JSON.stringify({ msg_type: "image", file_id: a, thumbnail_id: b, size: 1 }))).toEqual([a, b]);
  expect(fileIdsOf(JSON.stringify({ msg_type: "custom", deep: [{ file_id: b }], file_id: b }))).toEqual([b]);
  expect(fileIdsOf(JSON.stringify({ msg_type: "image", file_id: a }, null, 2))).toEqual([a]);
});

test("what people write is never a field, and what is no id of ours is none", () => {
  expect(fileIdsOf(JSON.stringify({ msg_type: "text", text: `"file_id":"${a}"` }))).toEqual([]);
  expect(fileIdsOf(JSON.stringify({ msg_type: "text", text: `\\"file_id":"${a}` }))).toEqual([]);
  expect(fileIdsOf(JSON.stringify({ msg_type: "custom", file_id: "mine", profile_id: a, my_file_id: b }))).toEqual([]);
  expect(fileIdsOf(JSON.stringify({ msg_type: "recalled" }))).toEqual([]);
});

test("the first bytes tell one type from another", () => {
  const heads: Record<string, Buffer> = {
    "image/jpeg": Buffer.from([0xff, 0xd8, 0xff, 0xe0]),
    "image/webp": Buffer.from("RIFF\0\0\0\0WEBPVP8 ", "latin1"),
    "audio/wav": Buffer.from("RIFF\0\0\0\0WAVEfmt ", "latin1"),
    "video/mp4": Buffer.from("\0\0\0\x18ftypmp42", "latin1"),
    "image/avif": Buffer.from("\0\0\0\x18ftypavif", "latin1"),
    "audio/mpeg": Buffer.from([0xff, 0xfb, 0x90, 0]),
    "audio/aac": Buffer.from([0xff, 0xf1, 0x50, 0x80]),
    "text/plain": Buffer.from("grüße\n"),
  };
  for (const type of Object.keys(heads)) {
    for (const [other, head] of Object.entries(heads)) expect(looksLike(type, head), `${other} as ${type}`).toBe(type === other);
  }
  // A character that the end of what was read cuts in two.
  expect(looksLike("text/plain", Buffer.from(`${"x".repeat(4_095)}ü`).subarray(0, 4_096))).toBe(true);
  expect(looksLike("text/plain", Buffer.from("ü").subarray(0, 1))).toBe(false);
  expect(looksLike("image/svg+xml", Buffer.from("<svg/>"))).toBe(false);
  expect(looksLike("__proto__", Buffer.from("x"))).toBe(false);
});
