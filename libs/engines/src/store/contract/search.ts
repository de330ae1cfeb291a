import { expect, test } from "vitest";
import { type MessageRow, noAnnotations, noChanges, type SearchQuery, type WordsOf } from "../port/index.js";
import {
  conversationRow,
  dialogChange,
  memberRow,
  messageRow,
  newUsers,
  pairId,
  type StoreHarness,
  send,
  T0,
  uniqueId,
} from "./fixture.js";

/** Words as the domain makes them, as far as these tests need it; other tests leave all kinds of messages. */
const wordsOf: WordsOf = ({ recalledAt, payload }) =>
  recalledAt === null
    ? [...payload.matchAll(/"text":"([a-z0-9 ]+)"/g)].flatMap(([, said = ""]) => said.split(" ").map((word) => `a${word}`))
    : [];

const text = (said: string) => ({ payload: JSON.stringify({ msg_type: "text", text: said }) });

export const searchContract = (harness: () => StoreHarness): void => {
  /** Everything noted so far, by this test and by those before it. */
  const followAll = async (): Promise<void> => {
    while ((await harness().store.search.follow(100, wordsOf)) > 0);
  };
  const fillAll = async (): Promise<void> => {
    while ((await harness().store.search.fill(100, wordsOf)) > 0);
  };
  const find = (conversationIds: readonly string[], words: string, over: Partial<SearchQuery> = {}): Promise<string[]> =>
    harness().store.search.find({
      conversationIds,
      words: words.split(" ").map((word) => ({ word: `a${word.replace("*", "")}`, prefix: word.endsWith("*") })),
      limit: 100,
      ...over,
    });
  const say = async (from: string, to: string, ...said: string[]): Promise<MessageRow[]> =>
    send(
      harness().store,
      said.map((one) => ({ from, to, over: text(one) })),
    );
  const ids = (messages: readonly (MessageRow | undefined)[]): string[] => messages.map((message) => message?.id ?? "");

  test("search: messages with all words, the newest first, only of the conversations asked for", async () => {
    const { store } = harness();
    const [a, b, c] = (await newUsers(store, 3)) as [string, string, string];
    const [ab, ac] = [pairId(a, b), pairId(a, c)];
    const said = await say(a, b, "red green", "green blue", "red blue green", "the a of to be is und");
    const other = await say(a, c, "red green");
    expect(await find([ab, ac], "red")).toEqual([]);
    await followAll();
    expect(await find([ab], "green")).toEqual(ids([said[2], said[1], said[0]]));
    expect(await find([ab], "red green")).toEqual(ids([said[2], said[0]]));
    expect(await find([ab], "red green blue")).toEqual(ids([said[2]]));
    expect(await find([ab], "red pink")).toEqual([]);
    expect(await find([ab, ac], "red")).toEqual(ids([other[0], said[2], said[0]]));
    expect(await find([pairId(b, c)], "red")).toEqual([]);
    expect(await find([], "red")).toEqual([]);
    // What engines leave out by themselves is found like anything else.
    for (const word of ["the", "a", "of", "to", "be", "is", "und"]) expect(await find([ab], word), word).toEqual(ids([said[3]]));
    expect(await store.search.find({ conversationIds: [ab], words: [], limit: 5 })).toEqual([]);
  });

  test("search: prefixes, short and long words", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const long = "x".repeat(64);
    const said = await say(a, b, "greengrocer", "green", "gree", `${long} 9`, "0");
    await followAll();
    const ab = [pairId(a, b)];
    expect(await find(ab, "green*")).toEqual(ids([said[1], said[0]]));
    expect(await find(ab, "green")).toEqual(ids([said[1]]));
    expect(await find(ab, "g*")).toEqual(ids([said[2], said[1], said[0]]));
    expect(await find(ab, long)).toEqual(ids([said[3]]));
    expect(await find(ab, "9 x*")).toEqual(ids([said[3]]));
    expect(await find(ab, "0")).toEqual(ids([said[4]]));
  });

  test("search: pages by id have no gaps and no doubles, while messages arrive and with many conversations", async () => {
    const { store } = harness();
    const [a, ...others] = (await newUsers(store, 6)) as [string, ...string[]];
    const said: MessageRow[] = [];
    for (let i = 0; i < 5; i++) for (const other of others) said.push(...(await say(a, other, "tick", "tock")));
    await followAll();
    // Far more than one look-up takes.
    const conversations = [...others.map((other) => pairId(a, other)), ...Array.from({ length: 450 }, () => uniqueId("G"))].sort();
    const expected = said.filter((message) => message.payload.includes("tick")).map((message) => message.id);
    const seen: string[] = [];
    for (let belowId: string | undefined; ; ) {
      const page = await find(conversations, "tick", { limit: 4, ...(belowId === undefined ? {} : { belowId }) });
      seen.push(...page);
      if (page.length < 4) break;
      belowId = page.at(-1) as string;
      await say(a, others[0] as string, "tick");
      await followAll();
    }
    expect(seen).toEqual(expected.reverse());
  });

  test("search: edits are found by what they say now, recalls not at all", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const [first, second] = (await say(a, b, "old words", "old news")) as [MessageRow, MessageRow];
    await followAll();
    const ab = [pairId(a, b)];
    const change = (message: MessageRow, over: Partial<MessageRow>) =>
      store.ingest.transaction((tx) => tx.write({ ...noChanges, annotations: { ...noAnnotations, messages: [{ ...message, ...over }] } }));
    await change(first, { ...text("new words"), edits: 1, editedAt: T0 + 5 });
    expect(await find(ab, "old")).toEqual(ids([second, first]));
    await followAll();
    expect(await find(ab, "old")).toEqual(ids([second]));
    expect(await find(ab, "words")).toEqual(ids([first]));
    expect(await find(ab, "new")).toEqual(ids([first]));
    await change(second, { payload: '{"msg_type":"recalled"}', recalledAt: T0 + 6 });
    await followAll();
    expect(await find(ab, "old")).toEqual([]);
    expect(await find(ab, "news")).toEqual([]);
  });

  test("search: what commits late is found, though greater ids are in the index already", async () => {
    const { store } = harness();
    const [a, b, c, d] = (await newUsers(store, 4)) as [string, string, string, string];
    const early = messageRow({ conversationId: pairId(a, b), seq: 1, from: a, to: b, ...text("late") });
    const late = await say(c, d, "late");
    await followAll();
    await fillAll();
    expect(await find([pairId(c, d)], "late")).toEqual(ids(late));
    expect(BigInt(early.id)).toBeLessThan(BigInt(late[0]?.id ?? 0));
    await store.ingest.transaction((tx) =>
      tx.write({ ...noChanges, conversations: [conversationRow({ id: early.conversationId, lastSeq: 1 })], messages: [early] }),
    );
    expect((await store.search.state()).waiting).toBe(1);
    await followAll();
    expect(await find([early.conversationId], "late")).toEqual([early.id]);
  });

  test("search: a transaction that rolls back leaves no note; system notices are not noted; the state tells what waits", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    await followAll();
    expect(await store.search.state()).toMatchObject({ waiting: 0, oldestAt: undefined });
    const fail = store.ingest.transaction((tx) => {
      const message = messageRow({ conversationId: pairId(a, b), seq: 1, ...text("undone") });
      tx.write({ ...noChanges, messages: [message, message] });
    });
    await expect(fail).rejects.toThrow();
    expect((await store.search.state()).waiting).toBe(0);
    const notice = messageRow({ conversationId: `S_${a}`, seq: 1, type: "S2C", ...text("notice") });
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, messages: [notice] }));
    expect((await store.search.state()).waiting).toBe(0);
    await send(store, [{ from: a, to: b, over: { ...text("x"), serverTs: T0 + 77 } }]);
    await send(store, [{ from: a, to: b, over: { ...text("y"), serverTs: T0 + 99 } }]);
    expect(await store.search.state()).toMatchObject({ waiting: 2, oldestAt: T0 + 77 });
    expect(await store.search.follow(1, wordsOf)).toBe(1);
    expect(await store.search.state()).toMatchObject({ waiting: 1, oldestAt: T0 + 99 });
    await followAll();
  });

  test("search: the index is thrown away and filled anew, while messages arrive", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const ab = [pairId(a, b)];
    const said = await say(a, b, ...Array.from({ length: 250 }, (_, i) => `again n${i}`));
    await followAll();
    await store.search.reset();
    expect(await find(ab, "again")).toEqual([]);
    expect(await store.search.state()).toMatchObject({ filling: true });
    expect(await store.search.fill(7, wordsOf)).toBe(7);
    said.push(...(await say(a, b, "again n250")));
    await followAll();
    expect(await find(ab, "again n250")).toEqual(ids([said[250]]));
    await fillAll();
    expect(await store.search.state()).toMatchObject({ filling: false });
    expect((await find(ab, "again", { limit: 500 })).length).toBe(251);
    expect(await find(ab, "n17")).toEqual(ids([said[17]]));
    expect(await store.search.fill(7, wordsOf)).toBe(0);
  });

  test("search: indexers at the same time put nothing old in the place of something newer", async () => {
    const { store, other } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const said = await say(a, b, ...Array.from({ length: 40 }, (_, i) => `before n${i}`));
    const edits = said.map((message, i) =>
      store.ingest.transaction((tx) =>
        tx.write({
          ...noChanges,
          annotations: { ...noAnnotations, messages: [{ ...message, ...text(`after n${i}`), edits: 1, editedAt: T0 + 9 }] },
        }),
      ),
    );
    const indexers = [store, other, store, other].map(async ({ search }) => {
      await search.reset().catch(() => undefined);
      for (let turn = 0; turn < 10; turn++) {
        await search.follow(5, wordsOf);
        await search.fill(20, wordsOf);
      }
    });
    await Promise.all([...edits, ...indexers]);
    await followAll();
    await fillAll();
    expect(await find([pairId(a, b)], "before")).toEqual([]);
    expect((await find([pairId(a, b)], "after")).length).toBe(40);
  });

  test("search: the places that a user may see", async () => {
    const { store } = harness();
    const [me, peer] = (await newUsers(store, 2)) as [string, string];
    const [joined, left, foreign, upgraded] = [uniqueId("G"), uniqueId("G"), uniqueId("G"), uniqueId("G")];
    const [supergroup, young] = [uniqueId("C"), uniqueId("C")];
    await send(store, [{ from: peer, to: me }]);
    const group = (id: string) => ({ ...conversationRow({ id, kind: "group", lastSeq: 9 }), title: "t" });
    const superState = { memberCount: 1, messageCount: 9, topSeq: 9, activeAt: T0, origin: { conversationId: upgraded, seq: 6 } };
    const dialogOf = (id: string, updatedAt: number) => {
      const kind = id.startsWith("C") ? ("supergroup" as const) : ("group" as const);
      return dialogChange(me, id, { conversationId: id, kind, updatedAt, ...(kind === "supergroup" ? { readCount: 0 } : {}) });
    };
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [
          group(joined),
          group(left),
          group(foreign),
          { ...group(upgraded), successorId: supergroup },
          conversationRow({ id: supergroup, kind: "supergroup", lastSeq: 9, supergroup: superState }),
          conversationRow({ id: young, kind: "supergroup", lastSeq: 9, supergroup: superState }),
        ],
        membersAdded: [
          memberRow(joined, me, { joinedSeq: 4 }),
          memberRow(foreign, peer),
          memberRow(upgraded, me, { joinedSeq: 2 }),
          memberRow(supergroup, me, { joinedSeq: 2 }),
          memberRow(young, me, { joinedSeq: 7 }),
        ],
        dialogs: [joined, left, foreign, upgraded, supergroup, young].map((id, i) => dialogOf(id, T0 + 10 - i)),
        dialogViews: [
          { userId: me, peer, conversationId: pairId(me, peer), kind: "user", view: { clearedSeq: 1, hidden: true } },
          { userId: me, peer: left, conversationId: left, kind: "group", view: { leftSeq: 5, clearedSeq: 1 } },
        ],
      }),
    );
    const end = Number.MAX_SAFE_INTEGER;
    const place = (id: string, shownAs: string, afterSeq: number, upToSeq: number) => ({
      conversationId: id,
      shownAs,
      peer: shownAs,
      kind: shownAs.startsWith("C") ? "supergroup" : "group",
      afterSeq,
      upToSeq,
    });
    const expected = [
      place(joined, joined, 4, end),
      place(left, left, 1, 5),
      place(supergroup, supergroup, 2, end),
      place(upgraded, supergroup, 2, 6),
      place(young, young, 7, end),
      { conversationId: pairId(me, peer), shownAs: pairId(me, peer), peer, kind: "user", afterSeq: 1, upToSeq: end },
    ];
    expect(await store.search.scopes(me, 100)).toEqual(expected);
    expect((await store.search.scopes(me, 2)).map((scope) => scope.peer)).toEqual([joined, left]);
  });
};
