import { expect, test } from "vitest";
import { noChanges } from "../port/index.js";
import {
  applySends,
  conversationRow,
  memberRow,
  messageRow,
  newUser,
  newUsers,
  nextMessageId,
  pairId,
  type StoreHarness,
  send,
  T0,
  uniqueId,
} from "./fixture.js";

export const ingestContract = (harness: () => StoreHarness): void => {
  test("ingest: what it locks and reads is what was written", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const group = uniqueId("G");
    const topic = uniqueId("topic-");
    const conversation = conversationRow({ id: group, kind: "group", lastSeq: 3, title: "Wörld 🐦", avatar: "F1", ownerId: a });
    const members = [memberRow(group, a, { role: "owner" }), memberRow(group, b, { joinedSeq: 2, joinedAt: T0 - 1 })];
    await store.ingest.transaction(async (tx) => {
      expect(await tx.lockOffsets(topic, [1, 2])).toEqual(new Map());
      expect(await tx.lockConversations([group])).toEqual(new Map());
      expect(await tx.members([group])).toEqual([]);
      expect(await tx.lockMailboxes([b, a, "Unobody", a])).toEqual(
        new Map([
          [a, 0],
          [b, 0],
        ]),
      );
      tx.write({
        ...noChanges,
        conversations: [conversation],
        membersAdded: members,
        mailboxes: new Map([[a, 5]]),
        offsets: [{ topic, partition: 2, nextOffset: 17, batchBegin: 3 }],
      });
    });
    expect(await store.conversations.get([group, group, "Gnone"])).toEqual([conversation]);
    expect(await store.conversations.members(group)).toEqual([members[1], members[0]]);
    expect(await store.conversations.memberships(b, [group, "Gnone"])).toEqual([members[1]]);
    expect(await store.ingest.offsets(topic, [1, 2])).toEqual(new Map([[2, { nextOffset: 17, batchBegin: 3 }]]));
    await store.ingest.transaction(async (tx) => {
      expect(await tx.lockOffsets(topic, [1, 2])).toEqual(new Map([[2, 17]]));
      expect(await tx.lockConversations([group])).toEqual(new Map([[group, conversation]]));
      expect(await tx.members([group])).toEqual([members[1], members[0]]);
      expect(await tx.lockMailboxes([a])).toEqual(new Map([[a, 5]]));
      tx.write({
        ...noChanges,
        conversations: [{ ...conversation, lastSeq: 4, title: "New" }],
        // One that is a member already takes the new values.
        membersAdded: [memberRow(group, a, { role: "admin" })],
        membersRemoved: [{ conversationId: group, userId: b }],
        offsets: [{ topic, partition: 2, nextOffset: 20, batchBegin: 17 }],
      });
    });
    expect(await store.conversations.get([group])).toEqual([{ ...conversation, lastSeq: 4, title: "New" }]);
    expect(await store.conversations.members(group)).toEqual([{ ...members[0], role: "admin" }]);
    // Removals come first: who is in both lists has joined anew.
    const again = memberRow(group, a, { joinedSeq: 4, joinedAt: T0 + 9 });
    await store.ingest.transaction((tx) =>
      tx.write({ ...noChanges, membersAdded: [again], membersRemoved: [{ conversationId: group, userId: a }] }),
    );
    expect(await store.conversations.members(group)).toEqual([again]);
    expect(await store.ingest.offsets(topic, [2])).toEqual(new Map([[2, { nextOffset: 20, batchBegin: 17 }]]));
    expect(
      await store.ingest.transaction((tx) => {
        tx.write(noChanges);
        return "answer";
      }),
    ).toBe("answer");
  });

  test("ingest: an error of the caller undoes everything, also what was written before it", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const topic = uniqueId("topic-");
    const work = store.ingest.transaction(async (tx) => {
      await tx.lockOffsets(topic, [0]);
      await applySends(tx, [{ from: a, to: b }], { offsets: [{ topic, partition: 0, nextOffset: 1, batchBegin: 0 }] });
      throw new RangeError("changed my mind");
    });
    await expect(work).rejects.toThrow("changed my mind");
    expect(await store.messages.history({ conversationId: pairId(a, b), limit: 5 })).toEqual([]);
    expect((await store.updates.difference(a, 0, 5)).pts).toBe(0);
    expect(await store.dialogs.get(a, b)).toBeUndefined();
    expect(await store.ingest.offsets(topic, [0])).toEqual(new Map());
  });

  test("ingest: a message that breaks a unique key fails the batch, and the next one works", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const [first] = await send(store, [{ from: a, to: b }]);
    if (!first) throw new Error("nothing stored");
    const bad = [{ id: first.id }, { clientMsgId: first.clientMsgId }, { seq: first.seq }];
    for (const over of bad) {
      const batch = send(store, [
        { from: a, to: b },
        { from: a, to: b, over },
        { from: b, to: a },
      ]);
      await expect(batch).rejects.toMatchObject({ code: "CONFLICT" });
    }
    expect(await store.messages.history({ conversationId: pairId(a, b), limit: 9 })).toEqual([first]);
    expect((await store.updates.difference(a, 0, 9)).pts).toBe(1);
    const [second] = await send(store, [{ from: a, to: b }]);
    expect(second?.seq).toBe(2);
  });

  test("ingest: a value the table cannot hold fails the batch as INTERNAL", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const batch = send(store, [
      { from: a, to: b },
      { from: a, to: b, over: { payload: null as unknown as string } },
    ]);
    await expect(batch).rejects.toMatchObject({ code: "INTERNAL" });
    expect(await store.messages.history({ conversationId: pairId(a, b), limit: 9 })).toEqual([]);
  });

  test("ingest: a stored send is seen before it is written again", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const [first] = await send(store, [{ from: a, to: b }]);
    const clientMsgId = first?.clientMsgId ?? "";
    const sent = await store.ingest.transaction((tx) =>
      tx.sent([
        { senderId: a, clientMsgId },
        { senderId: a, clientMsgId: "other" },
        { senderId: b, clientMsgId },
      ]),
    );
    expect(sent).toEqual([
      { senderId: a, clientMsgId, id: first?.id, conversationId: pairId(a, b), bodyHash: first?.bodyHash, createdAt: T0 },
    ]);
  });

  test("ingest: of two consumers of one partition, new or known, the second sees the first one's offset", async () => {
    const { store, other } = harness();
    const topic = uniqueId("topic-");
    for (const known of [undefined, 10]) {
      let entered = 0;
      const consume = (from: typeof store) =>
        from.ingest.transaction(async (tx) => {
          const offset = (await tx.lockOffsets(topic, [4])).get(4);
          if (offset !== known) return "fenced";
          entered++;
          tx.write({ ...noChanges, offsets: [{ topic, partition: 4, nextOffset: (known ?? 0) + 10, batchBegin: known ?? 0 }] });
          return "won";
        });
      const outcomes = await Promise.all([consume(store), consume(other), consume(store), consume(other)]);
      expect(outcomes.sort()).toEqual(["fenced", "fenced", "fenced", "won"]);
      expect(entered).toBe(1);
    }
    expect(await store.ingest.offsets(topic, [4])).toEqual(new Map([[4, { nextOffset: 20, batchBegin: 10 }]]));
  });

  test("ingest: a partition that was looked at and rolled back is still new", async () => {
    const { store } = harness();
    const topic = uniqueId("topic-");
    await expect(
      store.ingest.transaction(async (tx) => {
        await tx.lockOffsets(topic, [0]);
        throw new Error("stop");
      }),
    ).rejects.toThrow("stop");
    await store.ingest.transaction(async (tx) => {
      expect(await tx.lockOffsets(topic, [0])).toEqual(new Map());
    });
    expect(await store.ingest.offsets(topic, [0])).toEqual(new Map());
  });

  test("ingest: writers meet the same users in opposite order; no pts is lost or given twice", async () => {
    const { store, other } = harness();
    const users = await newUsers(store, 7);
    const rounds = 15;
    // A conversation has one writer at a time: with 7 users in a ring, each stride makes conversations of its own.
    const write = async (from: typeof store, order: readonly string[], stride: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        await send(
          from,
          order.map((user, i) => ({ from: user, to: order[(i + stride) % order.length] as string })),
        );
      }
    };
    await Promise.all([write(store, users, 1), write(other, [...users].reverse(), 2), write(store, users, 3)]);
    const each = rounds * 3 * 2;
    for (const user of users) {
      const { updates, pts } = await store.updates.difference(user, 0, 1000);
      expect(pts).toBe(each);
      expect(updates.map((u) => u.pts)).toEqual(Array.from({ length: each }, (_, i) => i + 1));
      expect(updates.every((u) => u.message !== null)).toBe(true);
    }
  });

  test("ingest: a batch of 4,000 messages goes in one piece", async () => {
    const { store } = harness();
    const users = await newUsers(store, 40);
    const at = (i: number): string => users[i % users.length] as string;
    const stored = await send(
      store,
      Array.from({ length: 4000 }, (_, i) => ({
        from: at(i),
        to: at(i + 1 + (i % 7)),
        over: { payload: JSON.stringify({ msg_type: "text", text: `'${"m".repeat(i % 900)}\\` }) },
      })),
    );
    const [last] = stored.slice(-1);
    expect(await store.messages.get([last?.id ?? ""])).toEqual([last]);
    let total = 0;
    for (const user of users) total += (await store.updates.difference(user, 0, 0)).pts;
    expect(total).toBe(8000);
  });

  test("ingest: reads outside see nothing before the commit, everything after it", async () => {
    const { store } = harness();
    const user = await newUser(store);
    const peer = await newUser(store);
    const id = nextMessageId();
    await store.ingest.transaction(async (tx) => {
      await applySends(tx, [{ from: user, to: peer, over: { id } }]);
      expect(await store.messages.get([id])).toEqual([]);
      expect((await store.updates.difference(peer, 0, 9)).pts).toBe(0);
    });
    expect(await store.messages.get([id])).toHaveLength(1);
    expect((await store.updates.difference(peer, 0, 9)).pts).toBe(1);
  });

  test("ingest: messages without updates or dialogs are fine", async () => {
    const { store } = harness();
    const conversationId = uniqueId("C");
    const message = messageRow({ conversationId, seq: 1, type: "C2S" });
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, messages: [message] }));
    expect(await store.messages.get([message.id])).toEqual([message]);
  });
};
