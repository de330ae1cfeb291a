import { queue, SCHEMA_VERSION } from "@dunlin/proto";
import { describe, expect, test } from "vitest";
import { conversationIdOf, newId } from "../ids.js";
import { decodeCommand } from "./decode.js";

const ann = newId("U");
const bob = newId("U");
const key = conversationIdOf(ann, bob);

const send = (change: Partial<queue.SendMessage> = {}): queue.Command["body"] => ({
  $case: "send",
  value: {
    id: "7340000000000000001",
    conversationId: key,
    senderId: ann,
    to: bob,
    clientMsgId: "c1",
    payload: '{"msg_type":"text","text":"hi"}',
    createdAt: 1,
    mentions: [],
    replyTo: undefined,
    push: undefined,
    bodyHash: Buffer.alloc(32),
    deviceId: "",
    ...change,
  },
});

const encode = (body: queue.Command["body"], version = SCHEMA_VERSION): Uint8Array =>
  queue.Command.encode({ version, commandId: "1", requestId: "r", acceptedAt: 1, replySlot: undefined, body }).finish();

describe("a record of commands", () => {
  test("a good send is a command", () => {
    const command = decodeCommand(key, encode(send()));
    expect(command).toMatchObject({ body: { $case: "send", value: { senderId: ann, to: bob } } });
  });

  test.each([
    ["no value", key, null, "no value"],
    ["an empty value", key, new Uint8Array(), "no value"],
    ["no key", null, encode(send()), "no key"],
    ["junk", key, Buffer.from([0xff, 0xff, 0xff, 0xff]), "not a command"],
    ["an unknown version", key, encode(send(), 999), "unknown schema version 999"],
    ["no body", key, encode(undefined), "unknown command"],
    ["another conversation's key", "elsewhere", encode(send()), "key is not the conversation"],
    ["a conversation that is not theirs", key, encode(send({ conversationId: conversationIdOf(bob, newId("U")) })), "unknown conversation"],
    ["a receiver of no known kind", key, encode(send({ to: "X123" })), "unknown conversation"],
    ["a wrong sender", key, encode(send({ senderId: "ann" })), "wrong sender"],
    ["an id beyond 63 bits", key, encode(send({ id: "9999999999999999999" })), "wrong message id"],
    ["a payload that is no object", key, encode(send({ payload: "[1]" })), "payload is not a JSON object"],
    ["a payload that is no JSON", key, encode(send({ payload: "{" })), "payload is not a JSON object"],
    ["no client_msg_id", key, encode(send({ clientMsgId: "" })), "no client_msg_id"],
  ])("%s is refused with its reason", (_what, recordKey, value, reason) => {
    expect(decodeCommand(recordKey, value)).toBe(reason);
  });

  test("any bytes are answered, never thrown at", () => {
    let seed = 7;
    for (let round = 0; round < 2_000; round++) {
      const bytes = Buffer.from(encode(send()));
      for (let flips = 0; flips < 4; flips++) {
        seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
        bytes[seed % bytes.length] = seed >> 8;
      }
      const result = decodeCommand(key, bytes);
      expect(typeof result === "string" || typeof result === "object").toBe(true);
    }
  });
});
