import { noChanges } from "@dunlin/engines/store";
import { beforeEach, describe, expect, test } from "vitest";
import { conversationIdOf, newId } from "../ids.js";
import { createGroup, IngestFixture, send } from "./fixture.js";
import type { CommandBody } from "./rule.js";

const fixture = new IngestFixture({ membersMax: 5 });
const { codes, createUser, log, types } = fixture;
const PAUSE_MS = 60_000;
const pace = { now: 1_790_000_000_000 };
/** Where who was refused has to wait, by a clock that stands. */
const paced = new IngestFixture({ membersMax: 5, contactPauseMs: PAUSE_MS, clock: { now: () => pace.now } });
let ann: string;
let bob: string;

beforeEach(async () => {
  [ann, bob] = [await createUser(), await createUser()];
});

const block = (userId: string, peer: string, blocked = true): CommandBody => ({
  $case: "setBlock",
  value: { conversationId: conversationIdOf(userId, peer), userId, peer, blocked },
});
const pair = (userId: string, peer: string) => ({ conversationId: conversationIdOf(userId, peer), userId, peer });
const request = (userId: string, peer: string): CommandBody => ({ $case: "requestContact", value: { ...pair(userId, peer), message: "" } });
const answer = (userId: string, peer: string, accept: boolean): CommandBody => ({
  $case: "answerContact",
  value: { ...pair(userId, peer), accept },
});
const end = (userId: string, peer: string): CommandBody => ({ $case: "removeContact", value: pair(userId, peer) });
const group = (ownerId: string, ...members: string[]): CommandBody => createGroup(newId("G"), ownerId, members);

describe("blocks", () => {
  test("what was accepted before a block and comes behind it is rejected, and the sender told", async () => {
    expect(await codes(send(bob, ann), block(ann, bob), send(bob, ann), send(ann, bob))).toEqual([
      "OK",
      "OK",
      "PEER_REFUSES",
      "PEER_REFUSES",
    ]);
    expect(await types(bob)).toEqual(["C2C", "REJECT"]);
    expect(await types(ann)).toEqual(["C2C", "BLOCK", "REJECT"]);
    expect(JSON.parse((await log(bob))[1]?.body ?? "")).toMatchObject({ code: 860, to: ann });
    // The next batch reads what the first has written.
    expect(await codes(send(bob, ann), block(ann, bob, false), send(bob, ann))).toEqual(["PEER_REFUSES", "OK", "OK"]);
  });

  test("each has a block of one's own: one's end does not end the other's", async () => {
    expect(await codes(block(ann, bob), block(bob, ann), block(ann, bob, false), send(ann, bob))).toEqual([
      "OK",
      "OK",
      "OK",
      "PEER_REFUSES",
    ]);
    expect([await fixture.store.contacts.blocks(ann, "", 9), await fixture.store.contacts.blocks(bob, "", 9)]).toMatchObject([
      [],
      [{ peer: ann }],
    ]);
  });

  test("again changes nothing and tells nobody; an end without a block leaves no conversation", async () => {
    expect(await codes(block(ann, bob, false))).toEqual(["OK"]);
    expect(await fixture.store.conversations.get([conversationIdOf(ann, bob)])).toEqual([]);
    expect(await codes(block(ann, bob), block(ann, bob))).toEqual(["OK", "OK"]);
    expect(await codes(block(ann, bob))).toEqual(["OK"]);
    expect(await types(ann)).toEqual(["BLOCK"]);
    expect(await types(bob)).toEqual([]);
    expect(await codes(block(ann, newId("U")))).toEqual(["PEER_NOT_FOUND"]);
  });

  test("neither brings the other into a group, in the batch of the block and later", async () => {
    const cat = await createUser();
    expect(await codes(block(ann, bob), group(bob, cat, ann), group(ann, bob))).toEqual(["OK", "ADD_REFUSED", "ADD_REFUSED"]);
    expect(await codes(group(bob, cat, ann), group(cat, ann, bob))).toEqual(["ADD_REFUSED", "OK"]);
    expect(await types(cat)).toEqual(["MEMBER"]);
  });
});

describe("contacts", () => {
  const states = async (userId: string, peer: string) => (await fixture.store.contacts.get(userId, [peer])).map((row) => row.state);

  test("a whole history in one batch leaves what its end says, and every step in the logs", async () => {
    const outcomes = await codes(request(ann, bob), answer(bob, ann, true), end(ann, bob), request(bob, ann), request(ann, bob));
    expect(outcomes).toEqual(["OK", "OK", "OK", "OK", "OK"]);
    expect([await states(ann, bob), await states(bob, ann)]).toEqual([["contact"], ["contact"]]);
    expect((await log(ann)).map((u) => (JSON.parse(u.body ?? "") as { state: string }).state)).toEqual([
      "outgoing",
      "contact",
      "none",
      "incoming",
      "contact",
    ]);
    const [conversation] = await fixture.store.conversations.get([conversationIdOf(ann, bob)]);
    expect(conversation).toMatchObject({ lastSeq: 0, relation: 1 });
    expect(await codes(end(bob, ann), answer(ann, bob, true), answer(ann, bob, false))).toEqual(["OK", "NOT_FOUND", "OK"]);
    expect([await states(ann, bob), await states(bob, ann)]).toEqual([[], []]);
  });

  test("who was refused asks again after a pause, whichever way it was; the other may ask at once, and that ends it", async () => {
    const [cem, dan] = [await paced.createUser(), await paced.createUser()];
    for (const refusal of [answer(dan, cem, false), end(dan, cem)]) {
      expect(await paced.codes(request(cem, dan), refusal, request(cem, dan))).toEqual(["OK", "OK", "CONTACT_PAUSED"]);
      pace.now += PAUSE_MS - 1;
      expect(await paced.codes(request(cem, dan))).toEqual(["CONTACT_PAUSED"]);
      pace.now += 1;
    }
    expect(await paced.codes(request(cem, dan), block(dan, cem), block(dan, cem, false))).toEqual(["OK", "OK", "OK"]);
    expect(await paced.store.contacts.refusedAt(cem, dan)).toBe(pace.now);
    // Of many at once none gets through; taking one's own back is no refusal.
    const many = await Promise.all(Array.from({ length: 5 }, () => paced.codes(request(cem, dan))));
    expect(many.flat()).toEqual(Array(5).fill("CONTACT_PAUSED"));
    expect(
      await paced.codes(request(dan, cem), end(dan, cem), request(dan, cem), request(cem, dan), end(cem, dan), request(cem, dan)),
    ).toEqual(Array(6).fill("OK"));
    expect(await paced.store.contacts.refusedAt(cem, dan)).toBeUndefined();
  });

  test("one may have 100 open requests, however many are made at once", async () => {
    const others = await Promise.all(Array.from({ length: 110 }, createUser));
    const batches = Array.from({ length: 11 }, (_, i) => others.slice(10 * i, 10 * i + 10));
    const outcomes = await Promise.all(batches.map((batch) => codes(...batch.map((other) => request(ann, other)))));
    expect(outcomes.flat().filter((code) => code === "OK")).toHaveLength(100);
    expect(await fixture.store.contacts.list(ann, "outgoing", "", 200)).toHaveLength(100);
  });

  test("one may have 100 open requests, counted over batches and within one", async () => {
    const others = await Promise.all(Array.from({ length: 102 }, createUser));
    expect(await codes(...others.slice(0, 60).map((other) => request(ann, other)))).toEqual(Array(60).fill("OK"));
    const rest = await codes(...others.slice(60).map((other) => request(ann, other)));
    expect(rest).toEqual([...Array(40).fill("OK"), "LIST_FULL", "LIST_FULL"]);
    const [first, second] = others as [string, string];
    const last = others.at(-1) as string;
    // An answer makes room, in the same batch too; the first again needs none.
    expect(await codes(request(ann, first), request(ann, last), answer(second, ann, true), request(ann, last))).toEqual([
      "OK",
      "LIST_FULL",
      "OK",
      "OK",
    ]);
  });

  test("messages from contacts alone: as of their place in the log", async () => {
    const only = { userId: bob, messages: "contacts", groups: "contacts", lastSeen: "everyone", findByAccount: true } as const;
    await fixture.store.ingest.transaction((tx) => tx.write({ ...noChanges, privacy: [only] }));
    const outcomes = await codes(
      send(ann, bob),
      send(bob, ann),
      request(ann, bob),
      answer(bob, ann, true),
      send(ann, bob),
      group(ann, bob),
      end(bob, ann),
      send(ann, bob),
      group(ann, bob),
    );
    expect(outcomes).toEqual(["PEER_REFUSES", "OK", "OK", "OK", "OK", "OK", "OK", "PEER_REFUSES", "ADD_REFUSED"]);
  });
});
