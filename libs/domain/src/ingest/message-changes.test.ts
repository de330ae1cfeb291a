import { beforeEach, describe, expect, test } from "vitest";
import { conversationIdOf, newId } from "../ids.js";
import { add, createGroup, edit, hide, IngestFixture, messageIn, type Named, pin, react, read, recall, send } from "./fixture.js";

const fixture = new IngestFixture({ membersMax: 5 });
const { apply, codes, createUser, log, stored, types } = fixture;
let ann: string;
let bob: string;
let cat: string;

beforeEach(async () => {
  ann = await createUser();
  bob = await createUser();
  cat = await createUser();
});

describe("changes of messages", () => {
  test("an edit is shown to everybody, keeps what stood there, and is the sender's alone", async () => {
    const group = newId("G");
    const first = send(bob, group);
    const message = messageIn(first);
    await apply(createGroup(group, ann, [bob, cat]), first);
    const effects = await apply(
      edit(bob, message, "two"),
      edit(bob, message, "two"),
      edit(ann, message, "no"),
      edit(bob, { id: "5", conversationId: group }, "no"),
      edit(newId("U"), message, "no"),
      edit(bob, message, "three"),
    );
    expect(effects.outcomes.map((outcome) => outcome.code)).toEqual(["OK", "OK", "FORBIDDEN", "NOT_FOUND", "NOT_A_MEMBER", "OK"]);
    expect(await stored(message)).toMatchObject({
      seq: 1,
      edits: 2,
      editedAt: expect.any(Number),
      payload: '{"msg_type":"text","text":"three"}',
    });
    expect((await fixture.store.annotations.edits(message.id)).map((e) => [e.no, JSON.parse(e.payload).text])).toEqual([
      [1, "hi"],
      [2, "two"],
    ]);
    for (const userId of [ann, bob, cat]) expect(await types(userId)).toEqual(["MEMBER", "C2G", "EDIT", "EDIT"]);
    expect((await fixture.store.updates.difference(cat, 2, 1)).updates[0]?.message?.id).toBe(message.id);
    await apply(recall(bob, message));
    expect(await codes(edit(bob, message, "no"))).toEqual(["MESSAGE_RECALLED"]);
    expect(await fixture.store.annotations.edits(message.id)).toEqual([]);
  });

  test("a recall takes what was said from everybody; members recall their own, owner and admins all", async () => {
    const group = newId("G");
    const [first, second] = [send(ann, group, { mentions: [bob] }), send(cat, group)] as const;
    await apply(createGroup(group, ann, [bob, cat]), first, second, pin(ann, messageIn(first)), react(bob, messageIn(first), "👍"));
    expect(await codes(recall(bob, messageIn(first)), recall(ann, messageIn(first)), recall(ann, messageIn(first)))).toEqual([
      "FORBIDDEN",
      "OK",
      "OK",
    ]);
    expect(await stored(messageIn(first))).toMatchObject({
      payload: '{"msg_type":"recalled"}',
      mentions: null,
      recalledAt: expect.any(Number),
    });
    expect(await fixture.store.dialogs.get(bob, group)).toMatchObject({ unread: 1, unreadMentions: 0 });
    expect(await fixture.store.annotations.pinned(group)).toEqual([]);
    expect(await fixture.store.annotations.reactions([messageIn(first).id], bob)).toEqual([]);
    const told = (await log(bob)).filter((update) => update.type === "RECALL");
    expect(told.map((update) => JSON.parse(update.body ?? ""))).toMatchObject([{ seq: 1, by: ann, unread: 1, unread_mentions: 0 }]);
    // Cat had read nothing of it either; ann, whose own it was, has no count to learn.
    const owners = (await log(ann)).filter((update) => update.type === "RECALL");
    expect(JSON.parse(owners[0]?.body ?? "")).not.toHaveProperty("unread");
    await apply(recall(ann, messageIn(second)));
    expect(await fixture.store.dialogs.get(bob, group)).toMatchObject({ unread: 0 });
  });

  test("a 1:1 message is recalled by its sender only; sent, read and recalled in one batch counts as one after the other", async () => {
    const [one, two] = [send(ann, bob), send(ann, bob)] as const;
    expect(await codes(one, two, recall(bob, messageIn(one)), read(bob, ann, 1), recall(ann, messageIn(two)))).toEqual([
      "OK",
      "OK",
      "FORBIDDEN",
      "OK",
      "OK",
    ]);
    expect(await fixture.store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 1, unread: 0, topSeq: 2 });
    expect(await stored(messageIn(two))).toMatchObject({ payload: '{"msg_type":"recalled"}' });
  });

  test("deleted for oneself: gone and uncounted for that user, told to no other", async () => {
    const sent = send(ann, bob);
    await apply(sent, send(ann, bob));
    const [anns, bobs] = [await types(ann), await types(bob)];
    expect(await codes(hide(bob, messageIn(sent)), hide(bob, messageIn(sent)), hide(cat, messageIn(sent)))).toEqual([
      "OK",
      "OK",
      "NOT_FOUND",
    ]);
    expect(await types(ann)).toEqual(anns);
    expect(await types(bob)).toEqual([...bobs, "DELETE"]);
    expect(await fixture.store.dialogs.get(bob, ann)).toMatchObject({ unread: 1 });
    // A recall does not count it off a second time.
    await apply(recall(ann, messageIn(sent)));
    expect(await fixture.store.dialogs.get(bob, ann)).toMatchObject({ unread: 1 });
    expect(await fixture.store.messages.history({ conversationId: conversationIdOf(ann, bob), limit: 9, viewer: bob })).toHaveLength(1);
  });

  test("reactions are counted once a user, and bounded", async () => {
    const group = newId("G");
    const sent = send(ann, group);
    const message = messageIn(sent);
    await apply(createGroup(group, ann, [bob, cat]), sent);
    await apply(react(bob, message, "👍"), react(bob, message, "👍"), react(cat, message, "👍"));
    await apply(react(bob, message, "👍", false), react(bob, message, "❤️"), react(ann, message, "🎉", false));
    expect(await fixture.store.annotations.reactions([message.id], cat)).toMatchObject([
      { emoji: "👍", count: 1, mine: true },
      { emoji: "❤️", count: 1, mine: false },
    ]);
    expect((await types(ann)).filter((type) => type === "REACTION")).toHaveLength(4);
    const faces = Array.from({ length: 20 }, (_, i) => String.fromCodePoint(0x1f600 + i));
    const outcome = await codes(...faces.map((emoji) => react(bob, message, emoji)));
    expect(outcome).toEqual([...Array.from({ length: 18 }, () => "OK"), "REACTIONS_FULL", "REACTIONS_FULL"]);
    // One that is there already takes no place.
    expect(await codes(react(ann, message, "👍"))).toEqual(["OK"]);
  });

  test("pins are for owner and admins of a group, and for both of two", async () => {
    const group = newId("G");
    const sends = Array.from({ length: 51 }, () => send(bob, group));
    await apply(createGroup(group, ann, [bob]), ...sends);
    const messages = sends.map(messageIn) as [Named, ...Named[]];
    expect(await codes(pin(bob, messages[0]), ...messages.map((m) => pin(ann, m)))).toEqual([
      "FORBIDDEN",
      ...Array.from({ length: 50 }, () => "OK"),
      "PINS_FULL",
    ]);
    expect(await codes(pin(ann, messages[0], false), pin(ann, messages[0], false), pin(ann, messages[50] as Named))).toEqual([
      "OK",
      "OK",
      "OK",
    ]);
    expect(await fixture.store.annotations.pinned(group)).toHaveLength(50);
    const own = send(ann, bob);
    await apply(own);
    expect(await codes(pin(bob, messageIn(own)))).toEqual(["OK"]);
  });

  test("who joins later can do nothing with what was before", async () => {
    const group = newId("G");
    const sent = send(ann, group);
    await apply(createGroup(group, ann, [bob]), sent, add(group, ann, [cat]));
    const m = messageIn(sent);
    const before = await types(cat);
    expect(await codes(react(cat, m, "👍"), hide(cat, m), react(bob, m, "👍"), edit(ann, m, "x"))).toEqual([
      "NOT_FOUND",
      "NOT_FOUND",
      "OK",
      "OK",
    ]);
    expect(await types(cat)).toEqual(before);
  });
});
