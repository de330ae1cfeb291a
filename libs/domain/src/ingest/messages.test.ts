import { beforeEach, describe, expect, test } from "vitest";
import { conversationIdOf, newId, systemConversationOf } from "../ids.js";
import { createGroup, IngestFixture, nextMessageId, remove, send } from "./fixture.js";
import type { CommandBody } from "./rule.js";

const fixture = new IngestFixture({ membersMax: 5 });
const { apply, codes, createUser, types } = fixture;
let ann: string;
let bob: string;
let cat: string;

beforeEach(async () => {
  ann = await createUser();
  bob = await createUser();
  cat = await createUser();
});

describe("messages", () => {
  test("get seq and pts without gaps, in one batch or in several", async () => {
    await apply(send(ann, bob), send(bob, ann), send(ann, cat));
    const effects = await apply(send(ann, bob));
    expect(effects.deliveries).toMatchObject([
      {
        type: "C2C",
        targets: [
          { userId: ann, pts: 4 },
          { userId: bob, pts: 3 },
        ],
      },
    ]);
    const history = await fixture.store.messages.history({ conversationId: conversationIdOf(ann, bob), afterSeq: 0, limit: 10 });
    expect(history.map((message) => message.seq)).toEqual([1, 2, 3]);
    expect((await fixture.store.updates.difference(ann, 0, 10)).updates.map((update) => update.pts)).toEqual([1, 2, 3, 4]);
  });

  test("sent twice are stored once, in one batch and in two", async () => {
    const effects = await apply(send(ann, bob, { clientMsgId: "x" }), send(ann, bob, { clientMsgId: "x" }));
    expect([effects.stored, effects.outcomes.map((outcome) => outcome.code)]).toEqual([1, ["OK", "OK"]]);
    expect((await apply(send(ann, bob, { clientMsgId: "x" }))).stored).toBe(0);
    expect((await fixture.store.updates.difference(bob, 0, 0)).pts).toBe(1);
    expect((await apply(send(bob, ann, { clientMsgId: "x" }))).stored).toBe(1);
  });

  test("to nobody are told to the sender and kept as dead letters", async () => {
    const effects = await apply(send(ann, newId("U")), send(ann, newId("G")), send(ann, bob));
    expect(effects.outcomes.map((outcome) => outcome.code)).toEqual(["PEER_NOT_FOUND", "PEER_NOT_FOUND", "OK"]);
    expect(effects.dead.map(({ index }) => index)).toEqual([0, 1]);
    expect(await types(ann)).toEqual(["REJECT", "REJECT", "C2C"]);
  });

  test("of somebody unknown change nothing", async () => {
    const effects = await apply(send(newId("U"), bob));
    expect([effects.stored, effects.dead.length, effects.deliveries.length]).toEqual([0, 1, 0]);
    expect((await fixture.store.updates.difference(bob, 0, 0)).pts).toBe(0);
  });

  test("of one who has left the group are rejected at their place in the log", async () => {
    const group = newId("G");
    const effects = await apply(
      createGroup(group, ann, [bob, cat]),
      send(bob, group),
      remove(group, bob, bob),
      send(bob, group),
      send(ann, group),
    );
    expect(effects.outcomes.map((outcome) => outcome.code)).toEqual(["OK", "OK", "OK", "NOT_A_MEMBER", "OK"]);
    expect(await types(bob)).toEqual(["MEMBER", "C2G", "MEMBER", "REJECT"]);
    expect(await types(cat)).toEqual(["MEMBER", "C2G", "MEMBER", "C2G"]);
  });

  test("from the system have their own numbering and no dialog", async () => {
    const notify = (clientMsgId: string): CommandBody => ({
      $case: "notify",
      value: {
        id: nextMessageId(),
        conversationId: systemConversationOf(ann),
        userId: ann,
        clientMsgId,
        payload: "{}",
        createdAt: 1,
        bodyHash: Buffer.alloc(32),
      },
    });
    await apply(notify("a"), notify("b"), notify("a"));
    expect(await types(ann)).toEqual(["S2C", "S2C"]);
    expect((await fixture.store.dialogs.list(ann, undefined, 10)).dialogs).toEqual([]);
  });

  test("everybody is mentioned by owner and admins only; who is no member is not mentioned", async () => {
    const group = newId("G");
    await apply(createGroup(group, ann, [bob]));
    expect(await codes(send(bob, group, { mentions: ["@all"] }), send(bob, group, { mentions: [cat, ann] }))).toEqual([
      "MENTION_ALL_FORBIDDEN",
      "OK",
    ]);
    expect(await types(bob)).toEqual(["MEMBER", "REJECT", "C2G"]);
    const [message] = await fixture.store.messages.history({ conversationId: group, limit: 1 });
    expect(message?.mentions).toBe(JSON.stringify([ann]));
  });
});
