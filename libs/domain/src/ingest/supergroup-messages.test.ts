import { beforeEach, describe, expect, test } from "vitest";
import { supergroupFrame } from "../frames.js";
import { newId } from "../ids.js";
import {
  createGroup,
  createSupergroup,
  edit,
  hide,
  IngestFixture,
  join,
  leave,
  messageIn,
  pin,
  react,
  read,
  recall,
  send,
  upgrade,
} from "./fixture.js";

const fixture = new IngestFixture({ membersMax: 5 });
const { apply, codes, createUser, log, stored } = fixture;
let ann: string;
let bob: string;
let cat: string;
let id: string;

beforeEach(async () => {
  ann = await createUser();
  bob = await createUser();
  cat = await createUser();
  id = newId("C");
});

/** The log of the supergroup as its members read it. */
const frames = async (afterSeq = 0): Promise<Record<string, unknown>[]> =>
  (await fixture.store.supergroups.log(id, afterSeq, 100)).entries.map(
    (entry) => JSON.parse(supergroupFrame(id, entry)) as Record<string, unknown>,
  );

describe("messages in a supergroup", () => {
  test("every change is one entry of the log, and one delivery, whoever is a member", async () => {
    const said = send(bob, id);
    await apply(createSupergroup(id, ann, [bob, cat]), said);
    const message = messageIn(said);
    const { deliveries } = await apply(
      edit(bob, message, "better"),
      react(cat, message, "👍"),
      pin(ann, message),
      react(cat, message, "👍"),
      recall(bob, message),
    );
    expect(deliveries.map((d) => [d.type, d.targets.length, d.supergroup?.seq])).toEqual([
      ["EDIT", 0, 3],
      ["REACTION", 0, 4],
      ["PIN", 0, 5],
      ["RECALL", 0, 6],
    ]);
    expect(JSON.parse(deliveries[0]?.supergroup?.frame ?? "")).toMatchObject({ message_seq: 2, payload: { text: "better" }, from: bob });
    // What was recalled is in no log any more.
    expect(await frames(1)).toMatchObject([
      { type: "C2S", seq: 2, payload: { msg_type: "recalled" } },
      { type: "EDIT", conversation_id: id, seq: 3, id: message.id, message_seq: 2, payload: { msg_type: "recalled" } },
      { type: "REACTION", seq: 4, id: message.id, message_seq: 2, user_id: cat, emoji: "👍", on: true, count: 1 },
      { type: "PIN", seq: 5, id: message.id, message_seq: 2, by: ann, on: true },
      { type: "RECALL", seq: 6, id: message.id, message_seq: 2, by: bob },
    ]);
    expect(await fixture.store.annotations.pinned(id)).toEqual([]);
    expect(await log(cat)).toMatchObject([{ type: "MEMBER" }]);
  });

  test("who may not, may not: strangers, who has left, who joined later, and members without the right", async () => {
    const said = send(ann, id);
    const message = messageIn(said);
    await apply(createSupergroup(id, ann, [bob]), said, join(id, cat));
    expect(await codes(edit(bob, message, "x"), recall(bob, message), pin(bob, message))).toEqual(["FORBIDDEN", "FORBIDDEN", "FORBIDDEN"]);
    expect(await codes(react(cat, message, "👍"), hide(cat, message))).toEqual(["NOT_FOUND", "NOT_FOUND"]);
    await apply(leave(id, bob));
    expect(await codes(react(bob, message, "👍"), hide(bob, message))).toEqual(["NOT_A_MEMBER", "NOT_A_MEMBER"]);
    const elsewhere = send(bob, ann);
    await apply(elsewhere);
    expect(await codes(recall(bob, { id: messageIn(elsewhere).id, conversationId: id }))).toEqual(["NOT_FOUND"]);
  });

  test("who is mentioned or replied to by name is told and pushed to; everybody is not", async () => {
    const said = send(bob, id);
    await apply(createSupergroup(id, ann, [bob, cat]), said);
    const all = await apply(send(ann, id, { mentions: ["@all"] }));
    expect(all.deliveries.map((d) => [d.type, d.message])).toEqual([["C2S", undefined]]);
    const outsider = await createUser();
    const reply = send(ann, id, { mentions: [cat, ann, outsider], replyTo: { id: messageIn(said).id, author: bob } });
    const { deliveries } = await apply(reply);
    const told = deliveries.filter((d) => d.type === "MENTION");
    expect(told.map((d) => [d.targets.map((t) => t.userId), d.message?.id])).toEqual([
      [[cat], messageIn(reply).id],
      [[bob], messageIn(reply).id],
    ]);
    const last = (await log(bob)).at(-1);
    expect(JSON.parse(last?.body ?? "")).toMatchObject({ peer: id, id: messageIn(reply).id, seq: 4, from: ann, reason: "reply" });
    expect((await fixture.store.dialogs.get(cat, id))?.unreadMentions).toBe(2);
    expect((await fixture.store.dialogs.get(bob, id))?.unreadMentions).toBe(1);
    await apply(read(cat, id, 3));
    expect((await fixture.store.dialogs.get(cat, id))?.unreadMentions).toBe(1);
    await apply(recall(ann, messageIn(reply)));
    expect((await fixture.store.dialogs.get(cat, id))?.unreadMentions).toBe(0);
  });

  test("a reply names a message of the same supergroup that its sender can see", async () => {
    const [before, private_] = [send(ann, id), send(bob, ann)];
    await apply(createSupergroup(id, ann, [bob]), before, private_, join(id, cat));
    const replyTo = (body: typeof before) => ({ replyTo: { id: messageIn(body).id, author: ann } });
    expect(await codes(send(bob, id, replyTo(before)), send(cat, id, replyTo(before)), send(bob, id, replyTo(private_)))).toEqual([
      "OK",
      "REPLIED_NOT_FOUND",
      "REPLIED_NOT_FOUND",
    ]);
    expect((await log(cat)).at(-1)).toMatchObject({ type: "REJECT" });
  });

  test("a group that becomes a supergroup: pins, unread mentions and readers go along, and its messages can be changed there", async () => {
    const group = newId("G");
    const old = [send(ann, group, { mentions: [cat] }), send(ann, group, { mentions: ["@all"] }), send(bob, group)];
    await apply(createGroup(group, ann, [bob, cat]), ...old);
    const [first, second, third] = old.map((body) => ({ id: messageIn(body).id, conversationId: id }));
    if (!first || !second || !third) throw new Error("three messages");
    await apply(pin(ann, messageIn(old[1] as never)), read(cat, group, 1), upgrade(group, id, ann));
    expect((await fixture.store.annotations.pinned(id)).map((p) => p.messageId)).toEqual([second.id]);
    expect(await fixture.store.dialogs.get(cat, id)).toMatchObject({ unread: 2, unreadMentions: 1 });
    expect(await fixture.store.dialogs.get(bob, id)).toMatchObject({ unread: 2, unreadMentions: 1 });
    expect(await fixture.store.supergroups.readCount(id, 1, ann)).toBe(1);
    await apply(edit(bob, third, "said again"), react(cat, first, "👍"), hide(cat, third), recall(ann, second));
    expect(await frames(4)).toMatchObject([
      { type: "EDIT", id: third.id, message_seq: 3, payload: { text: "said again" } },
      { type: "REACTION", id: first.id, message_seq: 1 },
      { type: "RECALL", id: second.id, message_seq: 2 },
    ]);
    expect(await stored(second)).toMatchObject({ conversationId: group, payload: '{"msg_type":"recalled"}' });
    expect(await fixture.store.annotations.pinned(id)).toEqual([]);
    expect(await fixture.store.dialogs.get(cat, id)).toMatchObject({ unread: 0, unreadMentions: 0 });
    expect(await fixture.store.dialogs.get(bob, id)).toMatchObject({ unread: 1, unreadMentions: 0 });
    expect((await fixture.store.messages.history({ conversationId: id, limit: 9, viewer: cat })).map((m) => m.seq)).toEqual([1, 2]);
    expect(await fixture.store.annotations.hidden([{ userId: cat, conversationId: id, seq: 3 }])).toHaveLength(1);
  });

  test("readers are counted: members who could see it and have read it, not its sender", async () => {
    const dan = await createUser();
    await apply(createSupergroup(id, ann, [bob, cat]), send(ann, id), send(bob, id), join(id, dan));
    await apply(read(ann, id, 9), read(bob, id, 2), read(cat, id, 9), read(dan, id, 9));
    const counts = async () => [
      await fixture.store.supergroups.readCount(id, 2, ann),
      await fixture.store.supergroups.readCount(id, 3, bob),
    ];
    expect(await counts()).toEqual([2, 2]);
    await apply(leave(id, cat));
    expect(await counts()).toEqual([1, 1]);
  });
});
