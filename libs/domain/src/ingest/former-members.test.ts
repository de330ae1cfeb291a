import { beforeEach, describe, expect, test } from "vitest";
import { conversationIdOf, newId } from "../ids.js";
import { add, createGroup, edit, IngestFixture, messageIn, pin, react, read, recall, remove, send } from "./fixture.js";
import type { CommandBody } from "./rule.js";

const fixture = new IngestFixture({ membersMax: 5 });
const { apply, createUser, log, types } = fixture;
let ann: string;
let bob: string;
let cat: string;
let group: string;

beforeEach(async () => {
  ann = await createUser();
  bob = await createUser();
  cat = await createUser();
  group = newId("G");
});

const deleteDialog = (userId: string, peer: string, upToSeq: number): CommandBody => ({
  $case: "deleteDialog",
  value: { userId, peer, conversationId: conversationIdOf(userId, peer), upToSeq },
});

const bodies = async (userId: string, type: string) =>
  (await log(userId)).filter((update) => update.type === type).map((update) => JSON.parse(update.body ?? "null"));

describe("who has left a group", () => {
  test("learns what becomes of messages that are still to be seen, and of no others", async () => {
    const [old, seen, late] = [send(ann, group), send(ann, group), send(ann, group)] as const;
    await apply(createGroup(group, ann, [bob]), old, add(group, ann, [cat]), seen, remove(group, cat, cat), late);
    for (const message of [old, seen, late].map(messageIn)) {
      await apply(edit(ann, message, "two"), react(bob, message, "👍"), pin(ann, message));
    }
    expect(await types(cat)).toEqual(["MEMBER", "C2G", "MEMBER", "EDIT", "REACTION", "PIN"]);
    expect(await fixture.store.dialogs.get(cat, group)).toMatchObject({ unread: 1, leftSeq: 2, leftTitle: "a group" });
    await apply(recall(ann, messageIn(seen)));
    expect(await bodies(cat, "RECALL")).toMatchObject([{ seq: 2, unread: 0 }]);
    expect(await fixture.store.dialogs.get(cat, group)).toMatchObject({ unread: 0 });
    expect(await fixture.store.dialogs.recountUnread(cat, group)).toBe(0);
  });

  test("in one batch too, and not twice when back again, nor after deleting it all", async () => {
    const [first, second] = [send(ann, group), send(ann, group)] as const;
    await apply(createGroup(group, ann, [bob, cat]), first, remove(group, cat, cat), react(ann, messageIn(first), "👍"), second);
    expect(await types(cat)).toEqual(["MEMBER", "C2G", "MEMBER", "REACTION"]);
    await apply(add(group, ann, [cat]), react(ann, messageIn(first), "🎉"));
    expect((await types(cat)).slice(4)).toEqual(["MEMBER"]);
    await apply(remove(group, bob, bob));
    await apply(deleteDialog(bob, group, 2));
    const before = await types(bob);
    await apply(react(ann, messageIn(first), "👀"));
    expect(await types(bob)).toEqual(before);
  });

  test("every notice says how far the conversation has got: where a membership begins and ends", async () => {
    await apply(createGroup(group, ann, [bob]), send(ann, group), send(ann, group), add(group, ann, [cat]), send(ann, group));
    await apply(remove(group, ann, cat));
    expect((await bodies(cat, "MEMBER")).map(({ action, seq }) => [action, seq])).toEqual([
      ["added", 2],
      ["removed", 3],
    ]);
    expect(await fixture.store.dialogs.get(cat, group)).toMatchObject({ readSeq: 2, leftSeq: 3 });
  });
});

describe("deleting a dialog", () => {
  test("counts as reading for those who wrote", async () => {
    await apply(send(ann, bob), send(ann, bob), createGroup(group, ann, [bob, cat]), send(ann, group), send(cat, group));
    await apply(read(bob, ann, 1));
    await apply(deleteDialog(bob, ann, 2), deleteDialog(bob, group, 2));
    expect(await bodies(ann, "READ")).toMatchObject([
      { user_id: bob, peer: bob, read_seq: 1 },
      { user_id: bob, peer: bob, read_seq: 2 },
      { peer: group, readers: [{ user_id: bob, read_seq: 2 }] },
    ]);
    expect(await bodies(cat, "READ")).toMatchObject([{ peer: group, readers: [{ user_id: bob, read_seq: 2 }] }]);
  });
});
