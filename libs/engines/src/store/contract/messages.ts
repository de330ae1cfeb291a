import { expect, test } from "vitest";
import type { MessageRow } from "../port/index.js";
import { noChanges } from "../port/index.js";
import {
  conversationRow,
  dialogChange,
  memberRow,
  messageRow,
  newUser,
  newUsers,
  pairId,
  type Send,
  type StoreHarness,
  send,
  T0,
  uniqueId,
} from "./fixture.js";

const many = (count: number, sendOf: (i: number) => Send): Send[] => Array.from({ length: count }, (_, i) => sendOf(i));

export const messagesContract = (harness: () => StoreHarness): void => {
  const pair = async (): Promise<[string, string]> => (await newUsers(harness().store, 2)) as [string, string];

  test("messages: every field comes back as it was, whatever the text", async () => {
    const { store } = harness();
    const [from, to] = await pair();
    const texts = [
      "👩‍👩‍👧‍👦 𝄞 \u{10FFFF}",
      'it\'s \\ "quoted" % _ ; -- `x`',
      "tab\tnewline\n\r\u0001\u001a",
      "ünï 中文 عربى",
      "x".repeat(16_000),
    ];
    const id = "9223372036854775807";
    const stored = await send(
      store,
      texts.map((text, i) => ({
        from,
        to,
        over: {
          payload: JSON.stringify({ msg_type: "text", text }),
          clientMsgId: `${text.slice(0, 20)}-${i}`,
          mentions: i === 1 ? JSON.stringify([to]) : null,
          replyTo: i === 2 ? id : null,
        },
      })),
    );
    expect(await store.messages.history({ conversationId: pairId(from, to), limit: 10 })).toEqual(stored);
    const [first] = stored as [MessageRow];
    expect(await store.messages.get([first.id, first.id, "1", "nonsense", ""])).toEqual([first]);
  });

  test("messages: an id of 63 bits is kept to the digit", async () => {
    const { store } = harness();
    const [from, to] = await pair();
    // Two neighbours that one double stands for; the top bits are random so that a database can be used again.
    const base = (1n << 62n) + (BigInt(Math.floor(Math.random() * 2 ** 50)) << 10n);
    const ids = [base + 1n, base + 2n].map(String) as [string, string];
    const stored = await send(
      store,
      ids.map((id) => ({ from, to, over: { id } })),
    );
    expect(await store.messages.get([ids[1]])).toEqual([stored[1]]);
    expect(await store.messages.get([String(base)])).toEqual([]);
  });

  test("messages: found by place and by send key", async () => {
    const { store } = harness();
    const [from, to] = await pair();
    const conversationId = pairId(from, to);
    const stored = await send(
      store,
      many(1500, (i) => ({ from, to, over: { clientMsgId: `k${i}` } })),
    );
    const places = stored.map(({ seq }) => ({ conversationId, seq }));
    expect(await store.messages.at([...places, { conversationId, seq: 9999 }])).toHaveLength(1500);
    const keys = stored.map(({ clientMsgId }) => ({ senderId: from, clientMsgId }));
    const sent = await store.messages.sent([...keys, { senderId: to, clientMsgId: "k0" }, { senderId: from, clientMsgId: "K0" }]);
    expect(sent).toHaveLength(1500);
    const [first] = stored as [MessageRow];
    expect(sent.find((row) => row.id === first.id)).toEqual({
      senderId: from,
      clientMsgId: "k0",
      id: first.id,
      conversationId,
      bodyHash: first.bodyHash,
      createdAt: first.createdAt,
    });
    expect(await store.messages.sent([])).toEqual([]);
    expect(await store.messages.at([])).toEqual([]);
  });

  test("history: pages meet without a gap or a double, in both directions", async () => {
    const { store } = harness();
    const [from, to] = await pair();
    const conversationId = pairId(from, to);
    await send(
      store,
      many(25, (i) => (i % 2 ? { from, to } : { from: to, to: from })),
    );
    const seqs = async (query: { beforeSeq?: number; afterSeq?: number; limit: number }): Promise<number[]> =>
      (await store.messages.history({ conversationId, ...query })).map((m) => m.seq);
    const range = (a: number, b: number): number[] => Array.from({ length: b - a + 1 }, (_, i) => a + i);
    expect(await seqs({ limit: 10 })).toEqual(range(16, 25));
    expect(await seqs({ beforeSeq: 16, limit: 10 })).toEqual(range(6, 15));
    expect(await seqs({ beforeSeq: 6, limit: 10 })).toEqual(range(1, 5));
    expect(await seqs({ beforeSeq: 1, limit: 10 })).toEqual([]);
    expect(await seqs({ afterSeq: 0, limit: 10 })).toEqual(range(1, 10));
    expect(await seqs({ afterSeq: 20, limit: 10 })).toEqual(range(21, 25));
    expect(await seqs({ afterSeq: 3, beforeSeq: 20, limit: 4 })).toEqual(range(4, 7));
    expect(await seqs({ afterSeq: 3, beforeSeq: 6, limit: 4 })).toEqual([4, 5]);
    expect(await store.messages.history({ conversationId: "nothing", limit: 5 })).toEqual([]);
  });

  test("difference: updates with their messages, ascending, in portions", async () => {
    const { store } = harness();
    const [from, to] = await pair();
    const conversationId = pairId(from, to);
    const stored = await send(
      store,
      many(7, () => ({ from, to })),
    );
    await store.ingest.transaction(async (tx) => {
      await tx.lockMailboxes([to]);
      tx.write({
        ...noChanges,
        updates: [{ userId: to, pts: 8, type: "READ", conversationId, seq: 0, body: '{"seq":3}', createdAt: T0 + 9 }],
        mailboxes: new Map([[to, 8]]),
      });
    });
    const first = await store.updates.difference(to, 0, 5);
    expect(first).toMatchObject({ pts: 8, hasMore: true, tooLong: false });
    expect(first.updates.map((u) => u.pts)).toEqual([1, 2, 3, 4, 5]);
    expect(first.updates.map((u) => u.message)).toEqual(stored.slice(0, 5));
    const rest = await store.updates.difference(to, 5, 5);
    expect(rest).toMatchObject({ pts: 8, hasMore: false, tooLong: false });
    expect(rest.updates.at(-1)).toEqual({
      userId: to,
      pts: 8,
      type: "READ",
      conversationId,
      seq: 0,
      body: '{"seq":3}',
      createdAt: T0 + 9,
      message: null,
    });
    expect(await store.updates.difference(to, 8, 5)).toEqual({ updates: [], pts: 8, hasMore: false, tooLong: false });
    expect(await store.updates.difference(to, 2, 0)).toEqual({ updates: [], pts: 8, hasMore: true, tooLong: false });
    expect(await store.updates.difference(to, 9, 5)).toEqual({ updates: [], pts: 8, hasMore: false, tooLong: true });
    await expect(store.updates.difference("Unobody", 0, 5)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("trim: old entries and those beyond the newest go, then a client from before is told to reload", async () => {
    const { store } = harness();
    const [from, to] = await pair();
    const day = 24 * 3600_000;
    const past = T0 - 1000 * day;
    await send(
      store,
      many(20, (i) => ({ from, to, over: { createdAt: past + i * day } })),
    );
    const drain = async (before: number, keep: number, limit: number): Promise<number> => {
      let removed = 0;
      for (;;) {
        const round = await store.updates.trim(before, keep, limit);
        expect(round).toBeLessThanOrEqual(limit);
        if (round === 0) return removed;
        removed += round;
      }
    };
    // Entries 1 to 5 of both logs are older.
    expect(await drain(past + 5 * day, 1_000_000, 3)).toBe(10);
    expect(await store.updates.difference(to, 4, 100)).toEqual({ updates: [], pts: 20, hasMore: false, tooLong: true });
    const kept = await store.updates.difference(to, 5, 100);
    expect(kept.tooLong).toBe(false);
    expect(kept.updates.map((u) => u.pts)).toEqual(Array.from({ length: 15 }, (_, i) => i + 6));
    // Others' data may be in the same database: what they lose to `keep` is not counted here.
    await drain(past, 12, 1000);
    expect((await store.updates.difference(from, 8, 100)).updates).toHaveLength(12);
    expect((await store.updates.difference(from, 7, 100)).tooLong).toBe(true);
    await drain(past + 100 * day, 12, 1000);
    expect(await store.updates.difference(from, 20, 100)).toEqual({ updates: [], pts: 20, hasMore: false, tooLong: false });
    await send(store, [{ from, to }]);
    expect((await store.updates.difference(from, 20, 100)).updates.map((u) => u.pts)).toEqual([21]);
  });

  test("dialogs: counts add up, reading replaces them, times and top never go back", async () => {
    const { store } = harness();
    const [me, peer] = await pair();
    const change = (over: Parameters<typeof dialogChange>[2]): Promise<void> =>
      store.ingest.transaction((tx) => tx.write({ ...noChanges, dialogs: [dialogChange(me, peer, over)] }));
    expect(await store.dialogs.get(me, peer)).toBeUndefined();
    await change({ topSeq: 3, addUnread: 3, addMentions: 1, updatedAt: T0 + 3 });
    const fresh = {
      userId: me,
      peer,
      conversationId: pairId(me, peer),
      kind: "user",
      topSeq: 3,
      readSeq: 0,
      unread: 3,
      unreadMentions: 1,
      pinned: 0,
      mutedUntil: 0,
      draft: "",
      archived: false,
      markedUnread: false,
      clearedSeq: 0,
      hidden: false,
      leftSeq: null,
      leftTitle: "",
      leftAvatar: "",
      updatedAt: T0 + 3,
    };
    expect(await store.dialogs.get(me, peer)).toEqual(fresh);
    await change({ topSeq: 5, addUnread: 2, updatedAt: T0 + 5 });
    await change({ topSeq: 4, updatedAt: T0 + 4 });
    expect(await store.dialogs.get(me, peer)).toEqual({ ...fresh, topSeq: 5, unread: 5, updatedAt: T0 + 5 });
    await change({ topSeq: 0, read: { readSeq: 4, unread: 1, unreadMentions: 0 }, addUnread: 99, addMentions: 99, updatedAt: 0 });
    const read = { ...fresh, topSeq: 5, readSeq: 4, unread: 1, unreadMentions: 0, updatedAt: T0 + 5 };
    expect(await store.dialogs.get(me, peer)).toEqual(read);
    await store.ingest.transaction(async (tx) => {
      expect(await tx.dialogs([{ userId: me, peer }])).toEqual([read]);
      expect(await tx.dialogs([])).toEqual([]);
    });
  });

  test("dialogs: a first change that reads creates the row as read", async () => {
    const { store } = harness();
    const [me, peer] = await pair();
    const read = { readSeq: 7, unread: 0, unreadMentions: 0 };
    await store.ingest.transaction((tx) =>
      tx.write({ ...noChanges, dialogs: [dialogChange(me, peer, { topSeq: 7, read, addUnread: 3 })] }),
    );
    expect(await store.dialogs.get(me, peer)).toMatchObject({ topSeq: 7, ...read });
  });

  test("dialogs: pages newest first, ties by peer", async () => {
    const { store } = harness();
    const me = await newUser(store);
    const stranger = await newUser(store);
    const dialogs = [3, 1, 2, 2, 2, 5].map((age, i) => dialogChange(me, `Up${i}`, { updatedAt: T0 - age }));
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, dialogs: [...dialogs, dialogChange(stranger, "Ux")] }));
    const seen: string[] = [];
    let cursor: Parameters<typeof store.dialogs.list>[1];
    for (;;) {
      const page = await store.dialogs.list(me, cursor, 2);
      seen.push(...page.dialogs.map((d) => d.peer));
      cursor = page.next;
      if (!cursor) break;
    }
    expect(seen).toEqual(["Up1", "Up2", "Up3", "Up4", "Up0", "Up5"]);
  });

  test("unread: a recount gives what the dialog says; own messages and those before joining never count", async () => {
    const { store } = harness();
    const [a, b] = await pair();
    await send(store, [
      ...many(4, () => ({ from: a, to: b })),
      ...many(3, () => ({ from: b, to: a })),
      ...many(2, () => ({ from: a, to: b })),
    ]);
    expect(await store.dialogs.recountUnread(b, a)).toBe(6);
    expect((await store.dialogs.get(b, a))?.unread).toBe(6);
    expect(await store.dialogs.recountUnread(a, b)).toBe(3);
    const conversationId = pairId(a, b);
    const left = await store.ingest.transaction(async (tx) => {
      await tx.lockMailboxes([b]);
      const { unread, mentions } = await tx.countUnread(conversationId, b, 3, 9);
      expect(mentions).toBe(0);
      const read = { readSeq: 3, unread, unreadMentions: 0 };
      tx.write({ ...noChanges, dialogs: [dialogChange(b, a, { topSeq: 0, read, updatedAt: 0 })] });
      return unread;
    });
    expect(left).toBe(3);
    expect(await store.dialogs.recountUnread(b, a)).toBe(3);
    expect(await store.dialogs.recountUnread(b, "Unobody")).toBe(0);

    const group = uniqueId("G");
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [conversationRow({ id: group, kind: "group", lastSeq: 5 })],
        membersAdded: [memberRow(group, a), memberRow(group, b, { joinedSeq: 3 })],
        messages: [1, 2, 3, 4, 5].map((seq) => messageRow({ conversationId: group, seq, from: a, to: group, type: "C2G" })),
        dialogs: [dialogChange(b, group, { conversationId: group, kind: "group", topSeq: 5, addUnread: 2 })],
      }),
    );
    expect(await store.dialogs.recountUnread(b, group)).toBe(2);
  });

  test("unread: mentions of the user or of all are counted, of others not", async () => {
    const { store } = harness();
    const [a, b] = await pair();
    const mentions = [[b], ["@all"], [b, "@all"], [a, `${b}x`], [b.toLowerCase()], null, [a, b]];
    await send(
      store,
      mentions.map((m) => ({ from: a, to: b, over: { mentions: m && JSON.stringify(m) } })),
    );
    const count = (user: string, after: number, upTo: number) =>
      store.ingest.transaction((tx) => tx.countUnread(pairId(a, b), user, after, upTo));
    expect(await count(b, 0, 7)).toEqual({ unread: 7, mentions: 4 });
    expect(await count(b, 1, 6)).toEqual({ unread: 5, mentions: 2 });
    expect(await count(b, 7, 7)).toEqual({ unread: 0, mentions: 0 });
    expect(await count(a, 0, 7)).toEqual({ unread: 0, mentions: 0 });
  });

  test("readers: members whose read position has reached the message, the sender left out", async () => {
    const { store } = harness();
    const [a, b, c] = (await newUsers(store, 3)) as [string, string, string];
    const group = uniqueId("G");
    const reading = (user: string, readSeq: number) =>
      dialogChange(user, group, { conversationId: group, kind: "group", read: { readSeq, unread: 0, unreadMentions: 0 } });
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [conversationRow({ id: group, kind: "group", lastSeq: 5 })],
        membersAdded: [a, b, c].map((user) => memberRow(group, user)),
        messages: [1, 2].map((seq) => messageRow({ conversationId: group, seq, from: a, to: group, type: "C2G" })),
        dialogs: [reading(a, 2), reading(b, 2), reading(c, 1)],
      }),
    );
    expect(await store.dialogs.readers(group, 2)).toEqual([{ userId: b, readSeq: 2 }]);
    expect((await store.dialogs.readers(group, 1)).map((r) => r.userId).sort()).toEqual([b, c].sort());
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, membersRemoved: [{ conversationId: group, userId: b }] }));
    expect(await store.dialogs.readers(group, 2)).toEqual([]);

    await send(store, [{ from: a, to: b }]);
    expect(await store.dialogs.readers(pairId(a, b), 1)).toEqual([]);
    const read = { readSeq: 1, unread: 0, unreadMentions: 0 };
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, dialogs: [dialogChange(b, a, { read })] }));
    expect(await store.dialogs.readers(pairId(a, b), 1)).toEqual([{ userId: b, readSeq: 1 }]);
  });
};
