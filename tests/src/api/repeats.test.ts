import { conversationIdOf } from "@dunlin/domain";
import type { MessageRow, Store } from "@dunlin/engines/store";
import { queue } from "@dunlin/proto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiFixture, type TestUser } from "./fixture.js";

/** What the store says of one message, whatever is in it. */
let original: MessageRow | undefined;
let api: ApiFixture;

beforeAll(async () => {
  const wrapStore = (store: Store): Store => {
    const get: Store["messages"]["get"] = async (ids) => [
      ...(original && ids.includes(original.id) ? [original] : []),
      ...(await store.messages.get(ids)),
    ];
    const messages = new Proxy(store.messages, { get: (target, name) => (name === "get" ? get : Reflect.get(target, name, target)) });
    return new Proxy(store, { get: (target, name) => (name === "messages" ? messages : Reflect.get(target, name, target)) });
  };
  // What is accepted is not stored: the cache alone knows of it.
  api = await ApiFixture.open({ ingest: false, wrapStore, env: { IM_QUEUE_PARTITIONS: "1" } });
});
afterAll(() => api.close());

/** The sends in the queue. */
const produced = async (): Promise<queue.SendMessage[]> => {
  const { records } = await api.host.engines.queue.read("commands", 0, 0, 100);
  return records.flatMap(({ value }) => {
    const body = value && queue.Command.decode(value).body;
    return body && body.$case === "send" ? [body.value] : [];
  });
};

const said = (ann: TestUser, bob: TestUser): MessageRow => ({
  id: "7340000000000000001",
  conversationId: conversationIdOf(ann.id, bob.id),
  seq: 1,
  type: "C2C",
  from: ann.id,
  to: bob.id,
  clientMsgId: "said",
  payload: '{"msg_type":"text","text":"as I said"}',
  mentions: null,
  replyTo: null,
  createdAt: 1,
  serverTs: 1,
  bodyHash: "",
  forwardedFrom: null,
  edits: 0,
  editedAt: null,
  recalledAt: null,
});

test("a forward and a reply that are not stored yet are accepted again as they were, though the original is gone", async () => {
  const [ann, bob, cem] = [await api.register("ann"), await api.register("bob"), await api.register("cem")];
  original = said(ann, bob);
  const { id: message_id } = original;
  const payload = { msg_type: "text", text: "as I said" };
  const forward = (client_msg_id: string) =>
    api.call("POST", "/v1/messages", { token: bob.token, body: { to: cem.id, client_msg_id, payload, forwarded_from: { message_id } } });
  const reply = (client_msg_id: string) =>
    api.call("POST", "/v1/messages", { token: bob.token, body: { to: ann.id, client_msg_id, payload, reply_to: message_id } });
  const first = [await forward("f"), await reply("r")];
  expect(first.map(({ status }) => status)).toEqual([202, 202]);
  const changes: (MessageRow | undefined)[] = [
    { ...original, payload: '{"msg_type":"text","text":"as I never said"}', edits: 1, editedAt: 2 },
    { ...original, payload: '{"msg_type":"recalled"}', recalledAt: 3 },
    // Elsewhere, as far as bob can see.
    { ...original, conversationId: conversationIdOf(ann.id, cem.id) },
  ];
  for (const change of changes) {
    original = change;
    const again = [await forward("f"), await reply("r")];
    expect(again.map(({ status, data }) => ({ status, data }))).toEqual(first.map(({ status, data }) => ({ status, data })));
    expect((await forward("another")).status).toBeGreaterThanOrEqual(400);
  }
  expect(await reply("another")).toMatchObject({ status: 404, code: 865 });
  // Each try is in the queue, for the case that the first was lost on the way: one id, and what it was forwarded from.
  const sends = await produced();
  expect(new Set(sends.map((send) => send.id))).toEqual(new Set(first.map(({ data }) => data.id)));
  const forwards = sends.filter((send) => send.clientMsgId === "f");
  expect(forwards).toHaveLength(4);
  for (const send of forwards) expect(JSON.parse(send.forwardedFrom ?? "")).toEqual({ message_id, user_id: ann.id });
  for (const send of sends.filter(({ clientMsgId }) => clientMsgId === "r")) expect(send.replyTo).toBe(message_id);
});
