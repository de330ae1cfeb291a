import { expect, test } from "vitest";
import { MARK_ALL, MARK_RECALLED, noAnnotations, noChanges, noSupergroupChanges, type SupergroupState } from "../port/index.js";
import { conversationRow, dialogChange, memberRow, messageRow, newUsers, type StoreHarness, T0, uniqueId } from "./fixture.js";

const state = (over: Partial<SupergroupState> = {}): SupergroupState => ({
  memberCount: 2,
  messageCount: 0,
  topSeq: 0,
  activeAt: T0,
  ...over,
});

export const supergroupsContract = (harness: () => StoreHarness): void => {
  test("supergroups: the row comes back as written, and its log is messages and other entries in one order", async () => {
    const { store } = harness();
    const id = uniqueId("C");
    const row = conversationRow({ id, kind: "supergroup", lastSeq: 4, title: "Flock", supergroup: state({ messageCount: 2, topSeq: 4 }) });
    const messages = [2, 4].map((seq) => messageRow({ conversationId: id, seq, type: "C2S", to: id }));
    const entry = (seq: number) => ({ conversationId: id, seq, type: "MEMBER", body: `{"n":${seq}}`, createdAt: T0 });
    await store.ingest.transaction((tx) =>
      tx.write({ ...noChanges, conversations: [row], messages, supergroupUpdates: [entry(1), entry(3)] }),
    );
    expect(await store.conversations.get([id])).toEqual([row]);
    const member = (seq: number) => ({ seq, message: null, type: "MEMBER", body: `{"n":${seq}}` });
    const message = (i: number) => ({ seq: messages[i]?.seq, message: messages[i] });
    expect(await store.supergroups.log(id, 0, 9)).toEqual({ entries: [member(1), message(0), member(3), message(1)], seq: 4 });
    expect(await store.supergroups.log(id, 1, 2)).toEqual({ entries: [message(0), member(3)], seq: 4 });
    expect(await store.supergroups.log(id, 4, 2)).toEqual({ entries: [], seq: 4 });
    expect(await store.supergroups.heads([id, "Cnone", id])).toEqual(new Map([[id, 4]]));
    await expect(store.supergroups.log("Cnone", 0, 9)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await store.ingest.transaction(async (tx) => {
      expect(await tx.lockConversations([id])).toEqual(new Map([[id, row]]));
      tx.write({
        ...noChanges,
        conversations: [{ ...row, lastSeq: 5, supergroup: state({ memberCount: 7, messageCount: 3, topSeq: 5 }) }],
      });
    });
    expect((await store.conversations.get([id]))[0]).toMatchObject({
      lastSeq: 5,
      supergroup: { memberCount: 7, messageCount: 3, topSeq: 5 },
    });
    // One entry a place.
    const twice = store.ingest.transaction((tx) => tx.write({ ...noChanges, supergroupUpdates: [entry(3)] }));
    await expect(twice).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("supergroups: members by key and by page, and whose member somebody is", async () => {
    const { store } = harness();
    const [a = "", b = "", c = ""] = (await newUsers(store, 3)).sort();
    const [first = "", second = ""] = [uniqueId("C"), uniqueId("C")].sort();
    const group = uniqueId("G");
    const members = [memberRow(first, a, { role: "owner" }), memberRow(first, b), memberRow(first, c, { joinedSeq: 3 })];
    await store.ingest.transaction((tx) =>
      tx.write({ ...noChanges, membersAdded: [...members, memberRow(second, a), memberRow(group, a), memberRow(group, b)] }),
    );
    expect(await store.supergroups.members(first, "", 2)).toEqual(members.slice(0, 2));
    expect(await store.supergroups.members(first, b, 2)).toEqual(members.slice(2));
    const keys = [
      { conversationId: first, userId: c },
      { conversationId: second, userId: b },
    ];
    expect(await store.supergroups.membersAt(keys)).toEqual([members[2]]);
    expect(await store.ingest.transaction((tx) => tx.membersAt(keys))).toEqual([members[2]]);
    expect(await store.supergroups.ofUsers([a, b, "Unobody", a], 9)).toEqual(
      new Map([
        [a, [first, second]],
        [b, [first]],
      ]),
    );
    expect(await store.supergroups.ofUsers([a], 1)).toEqual(new Map([[a, [first]]]));
    expect(await store.supergroups.ofUsers([], 1)).toEqual(new Map());
  });

  test("supergroups: a member's dialog follows the conversation; who has left keeps what it was", async () => {
    const { store } = harness();
    const [a = "", b = ""] = await newUsers(store, 2);
    const id = uniqueId("C");
    const dialog = { conversationId: id, kind: "supergroup" as const, topSeq: 1 };
    const read = { readSeq: 1, unread: 0, unreadMentions: 0 };
    const row = conversationRow({ id, kind: "supergroup", lastSeq: 1, supergroup: state() });
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [row],
        membersAdded: [memberRow(id, a), memberRow(id, b)],
        dialogs: [a, b].map((userId) => dialogChange(userId, id, { ...dialog, read, readCount: 0, updatedAt: T0 })),
      }),
    );
    expect(await store.dialogs.get(a, id)).toMatchObject({ kind: "supergroup", topSeq: 0, unread: 0, updatedAt: T0, readCount: 0 });
    // Nine messages, two of them a's own: nobody else's dialog is touched.
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [{ ...row, lastSeq: 12, supergroup: state({ messageCount: 9, topSeq: 11, activeAt: T0 + 50 }) }],
        dialogs: [dialogChange(a, id, { ...dialog, topSeq: 11, readCount: 2, updatedAt: T0 + 40 })],
      }),
    );
    expect(await store.dialogs.get(a, id)).toMatchObject({ topSeq: 11, readSeq: 1, unread: 7, updatedAt: T0 + 50, readCount: 2 });
    expect(await store.dialogs.get(b, id)).toMatchObject({ topSeq: 11, readSeq: 1, unread: 9, updatedAt: T0 + 50 });
    expect((await store.dialogs.list(b, undefined, 9)).dialogs.map((d) => [d.peer, d.unread, d.updatedAt])).toEqual([[id, 9, T0 + 50]]);
    const end = { readSeq: 1, unread: 9, unreadMentions: 0 };
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        membersRemoved: [{ conversationId: id, userId: b }],
        dialogs: [dialogChange(b, id, { ...dialog, topSeq: 11, read: end, readCount: 0, updatedAt: T0 + 60 })],
      }),
    );
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [{ ...row, lastSeq: 13, supergroup: state({ messageCount: 10, topSeq: 13, activeAt: T0 + 70 }) }],
        dialogsRemoved: [{ userId: a, peer: id }],
      }),
    );
    expect(await store.dialogs.get(b, id)).toMatchObject({ topSeq: 11, unread: 9, updatedAt: T0 + 60 });
    expect(await store.dialogs.get(a, id)).toBeUndefined();
  });

  test("supergroups: an entry shows a message as it is when it is read, also one of the group that it was", async () => {
    const { store } = harness();
    const [group, id] = [uniqueId("G"), uniqueId("C")];
    const old = messageRow({ conversationId: group, seq: 1, type: "C2G" });
    const said = messageRow({ conversationId: id, seq: 2, type: "C2S", to: id });
    const origin = { conversationId: group, seq: 1 };
    const shows = (seq: number, messageSeq: number) => ({
      conversationId: id,
      seq,
      type: "EDIT",
      body: "{}",
      createdAt: T0,
      messageSeq,
    });
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [conversationRow({ id, kind: "supergroup", lastSeq: 5, supergroup: state({ origin }) })],
        messages: [old, said],
        supergroupUpdates: [shows(3, 2), shows(4, 1), shows(5, 9)],
      }),
    );
    const changed = { ...said, payload: '{"msg_type":"recalled"}', recalledAt: T0 };
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, annotations: { ...noAnnotations, messages: [changed] } }));
    const entry = (seq: number) => ({ seq, message: null, type: "EDIT", body: "{}" });
    expect((await store.supergroups.log(id, 1, 9)).entries).toEqual([
      { seq: 2, message: changed },
      { ...entry(3), shows: changed },
      { ...entry(4), shows: { ...old, conversationId: id } },
      entry(5),
    ]);
  });

  test("supergroups: unread and mentions follow from marks behind the read position; hidden and own ones do not count", async () => {
    const { store } = harness();
    const [a = "", b = ""] = await newUsers(store, 2);
    const [group, id] = [uniqueId("G"), uniqueId("C")];
    const origin = { conversationId: group, seq: 2 };
    const row = conversationRow({ id, kind: "supergroup", lastSeq: 9, supergroup: state({ messageCount: 9, topSeq: 9, origin }) });
    const mark = (seq: number, of: string, senderId = b) => ({
      conversationId: id,
      mark: of,
      seq,
      senderId,
      liesIn: seq <= origin.seq ? group : id,
    });
    const marks = [mark(1, a), mark(2, a), mark(3, a), mark(4, MARK_ALL), mark(4, a), mark(5, MARK_ALL, a), mark(6, b, a)];
    const recalled = [mark(7, MARK_RECALLED), mark(8, MARK_RECALLED), mark(9, MARK_RECALLED, a)];
    const read = { readSeq: 1, unread: 0, unreadMentions: 0 };
    const messages = [1, 2].map((seq) => messageRow({ conversationId: group, seq, from: b }));
    messages.push(...[3, 4, 5, 6, 7, 8, 9].map((seq) => messageRow({ conversationId: id, seq, from: b, to: id, type: "C2S" })));
    const hide = (seq: number, conversationId = id) => ({ userId: a, conversationId, seq, at: T0 });
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [row],
        messages,
        membersAdded: [memberRow(id, a), memberRow(id, b)],
        dialogs: [a, b].map((userId) =>
          dialogChange(userId, id, { conversationId: id, kind: "supergroup", topSeq: 1, read, readCount: 2, updatedAt: T0 }),
        ),
        annotations: { ...noAnnotations, hidden: [hide(2, group), hide(8)] },
        supergroups: { ...noSupergroupChanges, marks: [...marks, ...recalled, mark(6, a)] },
      }),
    );
    // Again is no error.
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        supergroups: { ...noSupergroupChanges, marks: [mark(3, a)], marksRemoved: [mark(6, a), mark(6, "Unobody")] },
      }),
    );
    expect(await store.dialogs.get(a, id)).toMatchObject({ unread: 6, unreadMentions: 2 });
    expect(await store.dialogs.get(b, id)).toMatchObject({ unread: 6, unreadMentions: 2 });
    expect((await store.dialogs.list(a, undefined, 9)).dialogs).toMatchObject([{ peer: id, unread: 6, unreadMentions: 2 }]);
    expect(await store.dialogs.unread(a, T0)).toMatchObject({ unread: 6, unreadMentions: 2 });
    const query = { conversationId: id, userId: a, afterSeq: 0, upToSeq: 9, limit: 9 };
    expect((await store.messages.mentions(query)).map((m) => [m.conversationId, m.seq])).toEqual([
      [id, 1],
      [id, 3],
      [id, 4],
    ]);
    expect((await store.messages.mentions({ ...query, afterSeq: 1, limit: 1 })).map((m) => m.seq)).toEqual([3]);
    const found = await store.ingest.transaction((tx) => tx.supergroupMarks(id, a, 1));
    expect(found.sort((x, y) => x.seq - y.seq || (x.mark < y.mark ? -1 : 1))).toEqual([
      mark(3, a),
      mark(4, MARK_ALL),
      mark(4, a),
      mark(7, MARK_RECALLED),
    ]);
    const hidden = await store.annotations.hidden([1, 2, 8].map((seq) => ({ userId: a, conversationId: id, seq })));
    expect(hidden.map((place) => [place.conversationId, place.seq]).sort()).toEqual([
      [id, 2],
      [id, 8],
    ]);
    // Who has left: nothing after that counts.
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        membersRemoved: [{ conversationId: id, userId: a }],
        dialogs: [dialogChange(a, id, { conversationId: id, kind: "supergroup", topSeq: 9, read: { ...read, unread: 5 }, readCount: 2 })],
        dialogViews: [{ userId: a, peer: id, conversationId: id, kind: "supergroup", view: { leftSeq: 3 } }],
      }),
    );
    expect(await store.dialogs.get(a, id)).toMatchObject({ unread: 5, unreadMentions: 1 });
  });

  test("supergroups: readers are counted by how far members have read", async () => {
    const { store } = harness();
    const id = uniqueId("C");
    const users = ["Ua", "Ub", "Uc", "Ud"].map((prefix) => uniqueId(prefix));
    const [a = "", b = "", c = "", d = ""] = users;
    const read = (userId: string, readSeq: number, joinedSeq = 0) => ({ conversationId: id, userId, readSeq, joinedSeq });
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        supergroups: { ...noSupergroupChanges, reads: [read(a, 5), read(b, 3), read(c, 9, 5), read(d, 1)] },
      }),
    );
    const counts = async (sender: string) => [
      await store.supergroups.readCount(id, 3, sender),
      await store.supergroups.readCount(id, 6, sender),
    ];
    expect(await counts("Unobody")).toEqual([2, 1]);
    expect(await counts(a)).toEqual([1, 1]);
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        supergroups: { ...noSupergroupChanges, reads: [read(d, 7)], readsRemoved: [{ conversationId: id, userId: b }] },
      }),
    );
    expect(await counts(a)).toEqual([1, 2]);
    expect(await store.supergroups.readCount(uniqueId("C"), 1, a)).toBe(0);
  });

  test("supergroups: which messages mention somebody", async () => {
    const { store } = harness();
    const group = uniqueId("G");
    const messages = [1, 2, 3, 4].map((seq) =>
      messageRow({ conversationId: group, seq, from: `U${seq}`, mentions: seq === 2 ? null : `["U9"]` }),
    );
    const changed = { ...(messages[3] as (typeof messages)[0]), recalledAt: T0 };
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, messages }));
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, annotations: { ...noAnnotations, messages: [changed] } }));
    const found = await store.ingest.transaction((tx) => tx.mentioning(group, 0));
    expect(found.sort((x, y) => x.seq - y.seq)).toEqual([1, 3].map((seq) => ({ seq, from: `U${seq}`, mentions: `["U9"]` })));
    expect(await store.ingest.transaction((tx) => tx.mentioning(group, 3))).toEqual([]);
  });

  test("supergroups: one that was a group shows the group's messages as its own", async () => {
    const { store } = harness();
    const [group, id] = [uniqueId("G"), uniqueId("C")];
    const [a = ""] = await newUsers(store, 1);
    const old = [1, 2, 3].map((seq) => messageRow({ conversationId: group, seq, type: "C2G" }));
    const fresh = [5, 6].map((seq) => messageRow({ conversationId: id, seq, type: "C2S" }));
    const origin = { conversationId: group, seq: 3 };
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [
          conversationRow({ id: group, kind: "group", lastSeq: 3, title: "g", successorId: id }),
          conversationRow({ id, kind: "supergroup", lastSeq: 6, supergroup: state({ messageCount: 5, topSeq: 6, origin }) }),
        ],
        membersAdded: [memberRow(id, a), memberRow(group, a)],
        messages: [...old, ...fresh],
        dialogs: [
          dialogChange(a, id, { conversationId: id, kind: "supergroup", read: { readSeq: 1, unread: 4, unreadMentions: 0 }, readCount: 1 }),
        ],
      }),
    );
    expect((await store.conversations.get([group]))[0]?.successorId).toBe(id);
    const all = [...old, ...fresh].map((message) => ({ ...message, conversationId: id }));
    const history = (query: { beforeSeq?: number; afterSeq?: number }, limit: number) =>
      store.messages.history({ conversationId: id, ...query, limit });
    expect(await history({}, 9)).toEqual(all);
    expect(await history({}, 3)).toEqual(all.slice(2));
    expect(await history({ beforeSeq: 5 }, 2)).toEqual(all.slice(1, 3));
    expect(await history({ beforeSeq: 3 }, 9)).toEqual(all.slice(0, 2));
    expect(await history({ afterSeq: 1 }, 3)).toEqual(all.slice(1, 4));
    expect(await history({ afterSeq: 3 }, 9)).toEqual(all.slice(3));
    expect(await history({ afterSeq: 1, beforeSeq: 6 }, 9)).toEqual(all.slice(1, 4));
    const places = [2, 5, 4].map((seq) => ({ conversationId: id, seq }));
    expect((await store.messages.at(places)).sort((x, y) => x.seq - y.seq)).toEqual([all[1], all[3]]);
    expect(await store.dialogs.recountUnread(a, id)).toBe(4);
    expect((await store.dialogs.get(a, id))?.unread).toBe(4);
  });
};
