import { beforeEach, describe, expect, test } from "vitest";
import { newId } from "../ids.js";
import { createGroup, hide, IngestFixture, messageIn, type Named, read, recall, send } from "./fixture.js";

const fixture = new IngestFixture({ membersMax: 5 });
const { apply, codes, createUser, log, types } = fixture;
let ann: string;
let bob: string;
let cat: string;

beforeEach(async () => {
  ann = await createUser();
  bob = await createUser();
  cat = await createUser();
});

describe("reading", () => {
  test("moves forward, never back, and is told to the peer", async () => {
    await apply(send(ann, bob), send(ann, bob), send(ann, bob), send(bob, ann));
    await apply(read(bob, ann, 2));
    expect(await fixture.store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 2, unread: 1 });
    await apply(read(bob, ann, 1), read(bob, ann, 999));
    expect(await fixture.store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 4, unread: 0 });
    expect((await types(ann)).filter((type) => type === "READ")).toHaveLength(2);
    expect(await codes(read(bob, cat, 1))).toEqual(["NOT_FOUND"]);
  });

  test("counts what came in the same batch, mentions too", async () => {
    const group = newId("G");
    await apply(createGroup(group, ann, [bob]), send(ann, group, { mentions: [bob] }));
    await apply(send(ann, group, { mentions: ["@all"] }), read(bob, group, 1), send(ann, group), send(bob, group));
    expect(await fixture.store.dialogs.get(bob, group)).toMatchObject({ readSeq: 1, topSeq: 4, unread: 2, unreadMentions: 1 });
    await apply(read(bob, group, 2));
    expect(await fixture.store.dialogs.get(bob, group)).toMatchObject({ readSeq: 2, unread: 1, unreadMentions: 0 });
  });

  test("unread is counted right whatever of it changes in the batch that reads", async () => {
    const sends = Array.from({ length: 4 }, () => send(ann, bob));
    await apply(...sends);
    const messages = sends.map(messageIn) as [Named, Named, Named, Named];
    await apply(recall(ann, messages[1]), hide(bob, messages[2]), read(bob, ann, 1));
    expect(await fixture.store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 1, unread: 1 });
    const fifth = send(ann, bob);
    await apply(fifth, hide(bob, messageIn(fifth)), read(bob, ann, 2));
    expect(await fixture.store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 2, unread: 1 });
    await apply(recall(ann, messages[2]), recall(ann, messageIn(fifth)), recall(ann, messages[0]));
    expect(await fixture.store.dialogs.get(bob, ann)).toMatchObject({ unread: 1 });
    expect(await fixture.store.dialogs.recountUnread(bob, ann)).toBe(1);
  });

  test("the authors of what is read in a group are told, once a batch", async () => {
    const group = newId("G");
    const dan = await createUser();
    await apply(createGroup(group, ann, [bob, cat, dan]), send(ann, group), send(bob, group), send(ann, group));
    const receipts = async (userId: string) =>
      (await log(userId))
        .filter((update) => update.type === "READ")
        .map((update) => JSON.parse(update.body ?? ""))
        .filter((body) => body.readers !== undefined);
    await apply(read(cat, group, 1), read(cat, group, 3), read(dan, group, 1));
    expect(await receipts(ann)).toMatchObject([
      {
        peer: group,
        readers: [
          { user_id: cat, read_seq: 3 },
          { user_id: dan, read_seq: 1 },
        ],
      },
    ]);
    expect(await receipts(bob)).toMatchObject([{ readers: [{ user_id: cat, read_seq: 3 }] }]);
    expect(await receipts(cat)).toEqual([]);
    await apply(read(dan, group, 2));
    expect(await receipts(ann)).toHaveLength(1);
    expect((await receipts(bob))[1]).toMatchObject({ readers: [{ user_id: dan, read_seq: 2 }] });
  });
});
