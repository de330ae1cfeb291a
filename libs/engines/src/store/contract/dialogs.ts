import { expect, test } from "vitest";
import type { DialogViewChange } from "../port/index.js";
import { noChanges } from "../port/index.js";
import {
  conversationRow,
  dialogChange,
  memberRow,
  messageRow,
  newUser,
  newUsers,
  type StoreHarness,
  send,
  T0,
  uniqueId,
} from "./fixture.js";

/** What users set on their dialogs, and the list of them. */
export const dialogsContract = (harness: () => StoreHarness): void => {
  const setViews = (...dialogViews: DialogViewChange[]): Promise<void> =>
    harness().store.ingest.transaction((tx) => tx.write({ ...noChanges, dialogViews }));
  const viewOf = (userId: string, peer: string, view: DialogViewChange["view"]): DialogViewChange => {
    const { conversationId, kind } = dialogChange(userId, peer);
    return { userId, peer, conversationId, kind, view };
  };
  const peersOf = async (userId: string): Promise<string[]> =>
    (await harness().store.dialogs.list(userId, undefined, 100)).dialogs.map((d) => d.peer);

  test("dialogs: a view changes part by part, and nothing else of the dialog", async () => {
    const { store } = harness();
    const [me, peer] = (await newUsers(store, 2)) as [string, string];
    await send(store, [{ from: peer, to: me }]);
    const before = await store.dialogs.get(me, peer);
    expect(before).toMatchObject({
      pinned: 0,
      mutedUntil: 0,
      draft: "",
      archived: false,
      markedUnread: false,
      clearedSeq: 0,
      hidden: false,
      leftSeq: null,
    });
    const draft = "nöch 👩‍👩‍👧 'x' \\ \n";
    await setViews(viewOf(me, peer, { draft, mutedUntil: Number.MAX_SAFE_INTEGER, pinned: 7 }));
    await setViews(viewOf(me, peer, { archived: true, markedUnread: true, clearedSeq: 5, leftSeq: 0 }));
    await setViews(viewOf(me, peer, { markedUnread: false, clearedSeq: 3, hidden: true }));
    const set = { draft, mutedUntil: Number.MAX_SAFE_INTEGER, pinned: 7, archived: true, clearedSeq: 5, leftSeq: 0, hidden: true };
    expect(await store.dialogs.get(me, peer)).toEqual({ ...before, ...set });
    await setViews(viewOf(me, peer, { leftSeq: null }), viewOf(peer, me, { pinned: 1 }));
    expect(await store.dialogs.get(me, peer)).toEqual({ ...before, ...set, leftSeq: null });
    await store.ingest.transaction(async (tx) => {
      await tx.lockMailboxes([me, peer].sort());
      expect((await tx.pinnedDialogs([me, peer, "Unobody"])).sort((a, b) => b.pinned - a.pinned)).toEqual([
        { userId: me, peer, pinned: 7 },
        { userId: peer, peer: me, pinned: 1 },
      ]);
      expect(await tx.pinnedDialogs([])).toEqual([]);
    });
  });

  test("dialogs: those who have left a group, the last ones first, and as it was called then", async () => {
    const { store } = harness();
    const [a, b, c] = (await newUsers(store, 3)) as [string, string, string];
    const [group, other] = [uniqueId("G"), uniqueId("G")];
    await setViews(
      viewOf(a, group, { leftSeq: 3, clearedSeq: 1, leftTitle: "früher", leftAvatar: "F1" }),
      viewOf(b, group, { leftSeq: 5 }),
      viewOf(b, other, { leftSeq: 1 }),
      viewOf(c, group, { leftSeq: 4, clearedSeq: 4 }),
      viewOf(c, other, { leftSeq: null, clearedSeq: 1 }),
    );
    expect(await store.dialogs.get(a, group)).toMatchObject({ leftSeq: 3, leftTitle: "früher", leftAvatar: "F1" });
    await store.ingest.transaction(async (tx) => {
      const found = await tx.formerMembers([group, other, uniqueId("G")]);
      expect(new Map(found.map(({ conversationId, userId, ...range }) => [`${conversationId} ${userId}`, range]))).toEqual(
        new Map([
          [`${group} ${a}`, { clearedSeq: 1, leftSeq: 3 }],
          [`${group} ${b}`, { clearedSeq: 0, leftSeq: 5 }],
          [`${other} ${b}`, { clearedSeq: 0, leftSeq: 1 }],
        ]),
      );
      expect(await tx.formerMembers([])).toEqual([]);
    });
  });

  test("dialogs: a deleted one is not listed until a message comes", async () => {
    const { store } = harness();
    const [me, a, b] = (await newUsers(store, 3)) as [string, string, string];
    await send(store, [
      { from: a, to: me },
      { from: b, to: me },
    ]);
    await setViews(viewOf(me, a, { hidden: true, clearedSeq: 1 }));
    expect(await peersOf(me)).toEqual([b]);
    expect(await store.dialogs.unread(me, T0)).toMatchObject({ unread: 1, dialogs: 1 });
    await send(store, [{ from: a, to: me }]);
    expect((await peersOf(me)).sort()).toEqual([a, b].sort());
  });

  test("dialogs: pages show each dialog once, though messages move those still to come", async () => {
    const { store } = harness();
    const me = await newUser(store);
    const peers = await newUsers(store, 9);
    const group = uniqueId("G");
    const say = (peer: string, at: number) => send(store, [{ from: peer, to: me, over: { createdAt: at, serverTs: at } }]);
    // As ingest does: a dialog is as new as its newest message is.
    for (const [i, peer] of peers.entries()) await say(peer, T0 + i);
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [conversationRow({ id: group, kind: "group" })],
        membersAdded: [memberRow(group, me, { joinedAt: T0 - 5 })],
        dialogs: [dialogChange(me, group, { conversationId: group, kind: "group", topSeq: 0, updatedAt: T0 - 5 })],
      }),
    );
    await setViews(viewOf(me, peers[2] as string, { pinned: 1 }), viewOf(me, peers[4] as string, { pinned: 2 }));
    const expected = [4, 2, 8, 7, 6, 5, 3, 1, 0].map((i) => peers[i]);
    let later = T0 + 100;
    for (const limit of [1, 2, 3, 4]) {
      const seen: string[] = [];
      let page = await store.dialogs.list(me, undefined, limit);
      const order = (await store.dialogs.list(me, undefined, 100)).dialogs.map((d) => d.peer);
      if (limit === 1) expect(order).toEqual([...expected, group]);
      for (let round = 0; ; round++) {
        seen.push(...page.dialogs.map((d) => d.peer));
        if (!page.next) break;
        expect(page.dialogs.length).toBe(limit);
        // One shown, one pinned and two still to come, one of them for the second time.
        for (const i of [0, 3, order.length - 1 - round, order.length - 2]) {
          const peer = order[i] as string;
          later += 1;
          if (peer !== group) await say(peer, later);
        }
        // Somebody new, who is not in the list that is being paged.
        await say(await newUser(store), ++later);
        page = await store.dialogs.list(me, page.next, limit);
      }
      expect(seen).toEqual(order);
    }
    // The group's only message moves it; before, its joining had placed it.
    const first = await store.dialogs.list(me, undefined, 1);
    const pts = first.next?.asOf ?? 0;
    await store.ingest.transaction(async (tx) => {
      await tx.lockMailboxes([me]);
      const message = messageRow({ conversationId: group, seq: 1, from: peers[0] as string, to: group, type: "C2G", serverTs: later + 1 });
      tx.write({
        ...noChanges,
        messages: [message],
        updates: [{ userId: me, pts: pts + 1, type: "C2G", conversationId: group, seq: 1, body: null, createdAt: 1 }],
        mailboxes: new Map([[me, pts + 1]]),
        dialogs: [dialogChange(me, group, { conversationId: group, kind: "group", topSeq: 1, updatedAt: later + 1 })],
      });
    });
    const rest = await store.dialogs.list(me, first.next, 100);
    expect(rest.dialogs.at(-1)).toMatchObject({ peer: group, topSeq: 1 });
    expect(rest.next).toBeUndefined();
    expect((await peersOf(me))[2]).toBe(group);
  });

  test("dialogs: a supergroup stays where it was while one pages, though its members' dialogs are not touched", async () => {
    const { store } = harness();
    const [me, a, b] = (await newUsers(store, 3)) as [string, string, string];
    const id = uniqueId("C");
    const state = { memberCount: 1, messageCount: 1, topSeq: 1, activeAt: T0 + 2 };
    const supergroup = conversationRow({ id, kind: "supergroup", lastSeq: 1, supergroup: state });
    const message = (seq: number, serverTs: number) =>
      messageRow({ conversationId: id, seq, from: a, to: id, type: "C2S", createdAt: serverTs, serverTs });
    const at = (time: number) => ({ createdAt: time, serverTs: time });
    await send(store, [{ from: a, to: me, over: at(T0 + 1) }]);
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [supergroup],
        membersAdded: [memberRow(id, me)],
        messages: [message(1, T0 + 2)],
        dialogs: [dialogChange(me, id, { conversationId: id, kind: "supergroup", topSeq: 0, readCount: 0, updatedAt: T0 })],
      }),
    );
    await send(store, [{ from: b, to: me, over: at(T0 + 3) }]);
    const first = await store.dialogs.list(me, undefined, 1);
    expect(first.dialogs.map((d) => d.peer)).toEqual([b]);
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [{ ...supergroup, lastSeq: 2, supergroup: { ...state, messageCount: 2, topSeq: 2, activeAt: T0 + 9 } }],
        messages: [message(2, T0 + 9)],
      }),
    );
    const rest = await store.dialogs.list(me, first.next, 9);
    expect(rest.dialogs.map((d) => [d.peer, d.topSeq])).toEqual([
      [id, 2],
      [a, 1],
    ]);
    expect(await peersOf(me)).toEqual([id, b, a]);
    expect(await store.dialogs.unread(me, T0)).toMatchObject({ unread: 4, dialogs: 3 });
  });

  test("dialogs: unread is summed up, muted ones apart", async () => {
    const { store } = harness();
    const [me, a, b, c] = (await newUsers(store, 4)) as [string, string, string, string];
    const nothing = { unread: 0, unreadMentions: 0, dialogs: 0 };
    expect(await store.dialogs.unread(me, T0)).toEqual({ ...nothing, muted: nothing });
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        dialogs: [
          dialogChange(me, a, { addUnread: 3, addMentions: 1 }),
          dialogChange(me, b, { addUnread: 5, addMentions: 2 }),
          dialogChange(me, c),
        ],
        dialogViews: [viewOf(me, b, { mutedUntil: T0 + 10 }), viewOf(me, c, { markedUnread: true })],
      }),
    );
    const loud = { unread: 3, unreadMentions: 1, dialogs: 2 };
    const quiet = { unread: 5, unreadMentions: 2, dialogs: 1 };
    expect(await store.dialogs.unread(me, T0 + 9)).toEqual({ ...loud, muted: quiet });
    expect(await store.dialogs.unread(me, T0 + 10)).toEqual({ unread: 8, unreadMentions: 3, dialogs: 3, muted: nothing });
  });

  test("mentions: those of others in the range that name the user or all, the oldest first", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const lists = [[b], ["@all"], null, [a], [b], [`${b}x`], [b]];
    const stored = await send(
      store,
      lists.map((mentions, i) => ({
        from: i === 4 ? b : a,
        to: i === 4 ? a : b,
        over: { mentions: mentions && JSON.stringify(mentions) },
      })),
    );
    const conversationId = stored[0]?.conversationId ?? "";
    const mentions = async (afterSeq: number, upToSeq: number, limit: number) =>
      (await store.messages.mentions({ conversationId, userId: b, afterSeq, upToSeq, limit })).map((m) => m.seq);
    expect(await mentions(0, 7, 10)).toEqual([1, 2, 7]);
    expect(await mentions(1, 6, 10)).toEqual([2]);
    expect(await mentions(0, 7, 2)).toEqual([1, 2]);
  });
};
