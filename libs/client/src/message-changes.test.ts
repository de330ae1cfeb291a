import { expect, test } from "vitest";
import { afterChange, changeOf } from "./message-changes.js";
import type { Message } from "./messages.js";

const ME = "U1";
const message: Message = {
  id: "7",
  conversation_id: "C1",
  seq: 2,
  type: "C2S",
  from: "U2",
  to: "C1",
  client_msg_id: "m",
  payload: { msg_type: "text", text: "teh" },
  created_at: 1,
  server_ts: 2,
  mentions: [ME],
};
const entry = (type: string, seq: number, fields: Record<string, unknown>) => ({
  type,
  conversation_id: "C1",
  seq,
  id: "7",
  message_seq: 2,
  ...fields,
});
const after = (from: Message, ...frames: ReturnType<typeof entry>[]): Message | undefined => {
  let now: Message | undefined = from;
  for (const frame of frames) {
    const change = changeOf(frame);
    if (now && change) now = afterChange(now, change, ME);
  }
  return now;
};

test("a message follows the entries of its supergroup's log, and the same entry twice makes no difference", () => {
  const edit = entry("EDIT", 3, { payload: { msg_type: "text", text: "the" }, edited_at: 9 });
  expect(after(message, edit, edit)).toEqual({ ...message, payload: { msg_type: "text", text: "the" }, edited_at: 9 });
  const like = entry("REACTION", 4, { user_id: "U3", emoji: "👍", on: true, count: 1 });
  const mine = entry("REACTION", 5, { user_id: ME, emoji: "👍", on: true, count: 2 });
  const gone = entry("REACTION", 6, { user_id: "U3", emoji: "👍", on: false, count: 1 });
  expect(after(message, like, mine, gone)?.reactions).toEqual([{ emoji: "👍", count: 1, mine: true }]);
  const last = entry("REACTION", 7, { user_id: ME, emoji: "👍", on: false, count: 0 });
  expect(after(message, mine, last)).toEqual(message);
  const recalled = after(message, mine, entry("RECALL", 8, { by: "U2", recalled_at: 9 }));
  const { mentions: _, ...left } = message;
  expect(recalled).toEqual({ ...left, payload: { msg_type: "recalled" }, recalled_at: 9 });
});

test("updates of one's own log name the message's seq as seq; what is no change is none", () => {
  expect(changeOf({ type: "DELETE", pts: 4, conversation_id: "C1", id: "7", seq: 2 })).toEqual({
    type: "DELETE",
    conversation_id: "C1",
    id: "7",
    seq: 2,
  });
  expect(after(message, entry("DELETE", 2, {}))).toBeUndefined();
  expect(changeOf({ type: "EDIT", pts: 4, conversation_id: "C1", gone: true })).toBeUndefined();
  expect(changeOf({ type: "C2S", conversation_id: "C1", seq: 1, id: "7" })).toBeUndefined();
});
