import { newId } from "@dunlin/domain";
import { noChanges } from "@dunlin/engines/store";
import { queue as records, SCHEMA_VERSION } from "@dunlin/proto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GatewayFixture, numbers, type Person, type Phone, until } from "./fixture.js";

let gateway: GatewayFixture;
beforeEach(async () => {
  gateway = await GatewayFixture.open();
});
afterEach(() => gateway.close());

/** A supergroup in the store, its log empty, with these members. */
const supergroup = async (...members: Person[]): Promise<string> => {
  const id = newId("C");
  await gateway.store.ingest.transaction((tx) =>
    tx.write({
      ...noChanges,
      conversations: [
        {
          id,
          kind: "supergroup",
          lastSeq: 0,
          title: "",
          avatar: "",
          ownerId: "",
          createdAt: 1,
          supergroup: { memberCount: members.length, messageCount: 0, topSeq: 0, activeAt: 1 },
        },
      ],
      membersAdded: members.map(({ id: userId }) => ({
        conversationId: id,
        userId,
        role: "member",
        joinedSeq: 0,
        joinedAt: 1,
        mutedUntil: 0,
        lastSentAt: 0,
      })),
    }),
  );
  return id;
};

/** Writes entries into the log, as ingest would. @returns their seqs */
const write = (id: string, count: number): Promise<number[]> =>
  gateway.store.ingest.transaction(async (tx) => {
    const row = (await tx.lockConversations([id])).get(id);
    if (!row) throw new Error("no such supergroup");
    const seqs = numbers(count, row.lastSeq + 1);
    tx.write({
      ...noChanges,
      conversations: [{ ...row, lastSeq: row.lastSeq + count }],
      supergroupUpdates: seqs.map((seq) => ({ conversationId: id, seq, type: "NOTE", body: "{}", createdAt: 1 })),
    });
    return seqs;
  });

const deliver = (id: string, seqs: readonly number[], frame = true): Promise<void> =>
  gateway.deliverRaw(
    records.Delivery.encode({
      version: SCHEMA_VERSION,
      entries: [],
      supergroups: seqs.map((seq) => ({
        supergroupId: id,
        seq,
        frame: frame ? JSON.stringify({ type: "NOTE", conversation_id: id, seq }) : "",
        storedAt: Date.now(),
      })),
    }).finish(),
  );

const subscribed = (phone: Phone, id: string): Promise<number> =>
  until("SUBSCRIBED", () => {
    const frame = phone.frames.findLast((f) => f.type === "SUBSCRIBED" && id in (f["supergroups"] as object));
    return frame && (frame["supergroups"] as Record<string, number>)[id];
  });

const seqsOf = (phone: Phone, id: string): number[] =>
  phone.frames.flatMap((f) => (f.type === "NOTE" && f["conversation_id"] === id ? [f["seq"] as number] : []));

const shows = (phone: Phone, id: string, seqs: readonly number[]): Promise<true> =>
  until(`seqs ${seqs.join()}`, () => {
    const got = seqsOf(phone, id);
    if (got.length < seqs.length) return false;
    expect(got).toEqual(seqs);
    return true;
  });

describe("supergroups at the gateway", () => {
  test("each entry comes once and in order, whatever comes double, early or not at all", async () => {
    const [ann, bob, cat] = [await gateway.person(), await gateway.person(), await gateway.person()];
    const id = await supergroup(ann, bob);
    await write(id, 3);
    const phones = [await gateway.online(ann), await gateway.online(bob)];
    for (const phone of phones) expect(await subscribed(phone, id)).toBe(3);
    const stranger = await gateway.online(cat);
    await write(id, 5);
    await deliver(id, [4, 5]);
    await deliver(id, [5, 3, 4]);
    // Out of turn, the first of them never: read from the store.
    await deliver(id, [8, 7]);
    for (const phone of phones) await shows(phone, id, numbers(5, 4));
    await write(id, 4);
    // A redo only tells how far the log reaches.
    await deliver(id, [12], false);
    for (const phone of phones) await shows(phone, id, numbers(9, 4));
    // Who comes later begins where the others are.
    const late = await gateway.online(await gateway.person(bob));
    expect(await subscribed(late, id)).toBe(12);
    await write(id, 1);
    await deliver(id, [13]);
    for (const phone of phones) await shows(phone, id, numbers(10, 4));
    await shows(late, id, [13]);
    expect(stranger.frames.map((f) => f.type)).toEqual(["HELLO"]);
    expect(await gateway.metric("dunlin_supergroup_published_total")).toBe(10);
  });

  test("an entry lost with nothing after it is found by comparing with the store", async () => {
    const ann = await gateway.person();
    const id = await supergroup(ann);
    const phone = await gateway.online(ann);
    expect(await subscribed(phone, id)).toBe(0);
    await write(id, 2);
    await shows(phone, id, [1, 2]);
  });

  test("after a long gap those who follow are told how far the log reaches, and go on from there", async () => {
    const ann = await gateway.person();
    const id = await supergroup(ann);
    const phone = await gateway.online(ann);
    await subscribed(phone, id);
    await write(id, 3_000);
    await deliver(id, [3_000], false);
    await until("told", async () => (await subscribed(phone, id)) === 3_000);
    await write(id, 1);
    await deliver(id, [3_001]);
    await shows(phone, id, [3_001]);
  });

  test("who becomes a member follows, who is none any more does not", async () => {
    const [ann, bob] = [await gateway.person(), await gateway.person()];
    const id = await supergroup(ann);
    const [first, second] = [await gateway.online(ann), await gateway.online(bob)];
    await subscribed(first, id);
    const tell = async (): Promise<void> => {
      const [pts = 0] = await gateway.write(bob.id, 1);
      const rest = `"conversation_id":"${id}","peer":"${id}","n":${pts}}`;
      const entries = [{ type: "MEMBER", rest, targets: [{ userId: bob.id, pts }], storedAt: 1 }];
      await gateway.deliverRaw(records.Delivery.encode({ version: SCHEMA_VERSION, entries, supergroups: [] }).finish());
    };
    const member = { conversationId: id, userId: bob.id };
    await gateway.store.ingest.transaction((tx) =>
      tx.write({ ...noChanges, membersAdded: [{ ...member, role: "member", joinedSeq: 0, joinedAt: 1, mutedUntil: 0, lastSentAt: 0 }] }),
    );
    await tell();
    await subscribed(second, id);
    await write(id, 1);
    await deliver(id, [1]);
    await shows(second, id, [1]);
    await gateway.store.ingest.transaction((tx) => tx.write({ ...noChanges, membersRemoved: [member] }));
    await tell();
    await until("no route but ann's", async () => {
      await write(id, 1);
      await until("ann is shown it", () => {
        const got = seqsOf(first, id);
        return got.length === got.at(-1) && got.length > 1;
      });
      return seqsOf(second, id).length < seqsOf(first, id).length;
    });
  });

  test("the route of a supergroup lasts as long as somebody follows it", async () => {
    const ann = await gateway.person();
    const id = await supergroup(ann);
    const phone = await gateway.online(ann);
    await subscribed(phone, id);
    const routed = async () => (await gateway.host.engines.cache.routes.lookup([id])).get(id)?.map((route) => route.slot);
    expect(await routed()).toEqual([gateway.lease.slot]);
    phone.close();
    await until("no route", async () => (await routed()) === undefined);
  });
});
