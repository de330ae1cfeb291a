import { expect, test } from "vitest";
import { type FileRow, type IngestChanges, noAnnotations, noChanges, type Store } from "../port/index.js";
import { conversationRow, memberRow, newUsers, nextMessageId, pairId, type StoreHarness, T0, uniqueId } from "./fixture.js";

const HOUR = 3_600_000;

const fileRow = (over: Partial<FileRow> = {}): FileRow => ({
  id: uniqueId("F"),
  ownerId: "Uowner",
  name: "Ferien 🏖.jpg",
  size: 12_345,
  type: "image/jpeg",
  state: "announced",
  createdAt: T0,
  expiresAt: T0 + HOUR,
  width: 0,
  height: 0,
  ...over,
});

export const filesContract = (harness: () => StoreHarness): void => {
  const create = async (store: Store, over: Partial<FileRow> = {}): Promise<FileRow> => {
    const file = fileRow(over);
    await store.files.create(file);
    return file;
  };
  const carry = (store: Store, fileId: string, conversationId: string, seq: number, messageId = nextMessageId()): Promise<string> =>
    store.ingest.transaction((tx) => {
      tx.write({ ...noChanges, fileRefs: [{ fileId, messageId, conversationId, seq }] });
      return messageId;
    });

  test("a file is found as it was created; ready once", async () => {
    const { store, other } = harness();
    const file = await create(store);
    expect(await other.files.get([file.id, "Fnone", file.id])).toEqual([file]);
    const found = { width: 640, height: 480, expiresAt: T0 + 2 * HOUR };
    const answers = await Promise.all([store, other].map(({ files }) => files.ready(file.id, found)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await store.files.get([file.id])).toEqual([{ ...file, ...found, state: "ready" }]);
    expect(await store.files.ready("Fnone", found)).toBe(false);
    await expect(store.files.create(file)).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("held: only what is ready, never for less long than before", async () => {
    const { store } = harness();
    const [ready, announced, carried] = await Promise.all([
      create(store, { state: "ready" }),
      create(store),
      create(store, { state: "ready", expiresAt: null }),
    ]);
    const ids = [ready.id, announced.id, carried.id, "Fnone"];
    const sorted = [ready.id, carried.id].sort();
    expect((await store.files.hold(ids, T0 + 5 * HOUR)).sort()).toEqual(sorted);
    expect((await store.files.hold(ids, T0 + 2 * HOUR)).sort()).toEqual(sorted);
    const rows = new Map((await store.files.get(ids)).map((row) => [row.id, row.expiresAt]));
    expect(rows).toEqual(
      new Map([
        [ready.id, T0 + 5 * HOUR],
        [announced.id, T0 + HOUR],
        [carried.id, null],
      ]),
    );
    expect(await store.files.hold([], T0)).toEqual([]);
  });

  test("who may read a message with it: both of a pair, members behind where they joined, nobody else", async () => {
    const { store } = harness();
    const [ann, bob, cat, dan] = (await newUsers(store, 4)) as [string, string, string, string];
    const group = uniqueId("G");
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [conversationRow({ id: group, kind: "group", lastSeq: 9 })],
        membersAdded: [memberRow(group, bob), memberRow(group, cat, { joinedSeq: 5 })],
      }),
    );
    const file = await create(store);
    const inPair = await carry(store, file.id, pairId(ann, dan), 1);
    const early = await carry(store, file.id, group, 5);
    const system = await carry(store, file.id, `S_${dan}`, 1);
    // Replayed, it is there once.
    await carry(store, file.id, group, 5, early);
    const messagesOf = async (user: string, limit = 10): Promise<string[]> =>
      (await store.files.refs(file.id, user, limit)).map((ref) => ref.messageId);
    expect(await messagesOf(ann)).toEqual([inPair]);
    expect(await messagesOf(bob)).toEqual([early]);
    expect(await messagesOf(cat)).toEqual([]);
    expect(await messagesOf(dan)).toEqual([system, inPair]);
    expect(await messagesOf(dan, 1)).toEqual([system]);
    const late = await carry(store, file.id, group, 6);
    expect(await store.files.refs(file.id, cat, 10)).toEqual([{ fileId: file.id, messageId: late, conversationId: group, seq: 6 }]);
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, membersRemoved: [{ conversationId: group, userId: cat }] }));
    expect(await messagesOf(cat)).toEqual([]);
  });

  test("of a group that goes on as a supergroup, those see a file who are in that one", async () => {
    const { store } = harness();
    const [bob, cat] = (await newUsers(store, 2)) as [string, string];
    const [group, supergroup] = [uniqueId("G"), uniqueId("C")];
    const conversation = conversationRow({ id: group, kind: "group", lastSeq: 9 });
    await store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        conversations: [{ ...conversation, successorId: supergroup }, conversationRow({ id: supergroup, kind: "supergroup", lastSeq: 9 })],
        membersAdded: [group, supergroup].flatMap((id) => [memberRow(id, bob), memberRow(id, cat, { joinedSeq: 2 })]),
      }),
    );
    const file = await create(store);
    const [early, late] = [await carry(store, file.id, group, 2), await carry(store, file.id, group, 5)];
    const messagesOf = async (user: string): Promise<string[]> =>
      (await store.files.refs(file.id, user, 10)).map((ref) => ref.messageId).sort();
    expect(await messagesOf(bob)).toEqual([early, late].sort());
    expect(await messagesOf(cat)).toEqual([late]);
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, membersRemoved: [{ conversationId: supergroup, userId: bob }] }));
    expect(await messagesOf(bob)).toEqual([]);
  });

  test("what nobody carries when its time is over goes, in two steps; what is carried stays for good", async () => {
    const { store } = harness();
    const now = T0 - 10_000 * HOUR;
    const over = { expiresAt: now - 1, state: "ready" as const };
    const [unsent, sent, young] = await Promise.all([create(store, over), create(store, over), create(store, { ...over, expiresAt: now })]);
    const never = await create(store, { expiresAt: now - 2 });
    await carry(store, sent.id, "Gsome", 1);
    const first = await store.files.expire(now, 100);
    expect(first.going.sort()).toEqual([unsent.id, never.id].sort());
    expect(first.settled).toBe(1);
    // A run that broke off here is taken up again; meanwhile nobody can send them.
    expect(await store.files.hold([unsent.id], T0)).toEqual([]);
    expect(await store.files.ready(never.id, { width: 0, height: 0, expiresAt: T0 })).toBe(false);
    expect((await store.files.expire(now, 100)).going.sort()).toEqual([unsent.id, never.id].sort());
    expect(await store.files.remove([unsent.id, never.id, sent.id, young.id])).toBe(2);
    expect(await store.files.expire(now, 100)).toEqual({ going: [], settled: 0 });
    const left = await store.files.get([unsent.id, never.id, sent.id, young.id]);
    expect(new Map(left.map((row) => [row.id, row.expiresAt]))).toEqual(
      new Map([
        [sent.id, null],
        [young.id, now],
      ]),
    );
    expect(await store.files.remove([])).toBe(0);
  });

  test("what the user deleted, alone or with the dialog, shows no file to that user any more", async () => {
    const { store } = harness();
    const [ann, bob] = (await newUsers(store, 2)) as [string, string];
    const pair = pairId(ann, bob);
    const file = await create(store);
    const [first, second, third] = [
      await carry(store, file.id, pair, 1),
      await carry(store, file.id, pair, 2),
      await carry(store, file.id, pair, 3),
    ];
    const messagesOf = async (user: string) => (await store.files.refs(file.id, user, 10)).map((ref) => ref.messageId);
    await store.ingest.transaction((tx) =>
      tx.write({ ...noChanges, annotations: { ...noAnnotations, hidden: [{ userId: ann, conversationId: pair, seq: 2, at: T0 }] } }),
    );
    expect(await messagesOf(ann)).toEqual([third, first]);
    expect(await messagesOf(bob)).toEqual([third, second, first]);
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, fileRefsRemoved: [{ fileId: file.id, messageId: third }] }));
    expect(await messagesOf(ann)).toEqual([first]);
    const cleared = { userId: ann, peer: bob, conversationId: pair, kind: "user", view: { clearedSeq: 2 } } as const;
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, dialogViews: [cleared] }));
    expect(await messagesOf(ann)).toEqual([]);
    expect(await messagesOf(bob)).toEqual([second, first]);
  });

  test("pictures of somebody stay, and go when they are nobody's any more; what is held longer waits longer", async () => {
    const { store, other } = harness();
    const now = T0 - 30_000 * HOUR;
    const [picture, held] = await Promise.all([1, 2].map((n) => create(store, { state: "ready", expiresAt: now - n })));
    if (!picture || !held) throw new Error("two files");
    const holders = [uniqueId("U"), uniqueId("G")].sort();
    const refs = holders.map((holder) => ({ fileId: picture.id, holder }));
    const write = (changes: Partial<IngestChanges>) => store.ingest.transaction((tx) => tx.write({ ...noChanges, ...changes }));
    await write({ avatars: [...refs, { fileId: held.id, holder: "Usome" }] });
    await write({ avatars: refs.slice(1) });
    expect(await other.files.holders(picture.id, 10)).toEqual(holders);
    expect(await store.files.holders(picture.id, 1)).toEqual(holders.slice(0, 1));
    expect(await store.files.expire(now, 100)).toEqual({ going: [], settled: 2 });
    await write({ avatarsRemoved: refs, avatars: refs.slice(0, 1) });
    expect(await store.files.holders(picture.id, 10)).toEqual(holders.slice(0, 1));
    const freed = { fileId: picture.id, expiresAt: now + HOUR, heldUntil: now + 5 * HOUR };
    await write({ avatarsRemoved: refs, filesFreed: [freed] });
    expect(await store.files.get([picture.id])).toMatchObject([{ expiresAt: now + HOUR }]);
    await store.files.hold([picture.id], now + 6 * HOUR);
    await write({ filesFreed: [freed] });
    expect(await store.files.get([picture.id])).toMatchObject([{ expiresAt: now + 6 * HOUR }]);
    expect(await store.files.expire(now + 2 * HOUR, 100)).toEqual({ going: [], settled: 0 });
    expect(await store.files.expire(now + 7 * HOUR, 100)).toEqual({ going: [picture.id], settled: 0 });
    await store.files.remove([picture.id]);
  });

  test("files of one user take no more than they may, however many are announced at once", async () => {
    const { store, other } = harness();
    const ownerId = uniqueId("U");
    const announce = (size: number, quota?: number, on = store): Promise<boolean> => on.files.create(fileRow({ ownerId, size }), quota);
    expect(await store.files.used(ownerId)).toBe(0);
    expect([await announce(60, 100), await announce(41, 100), await announce(40, 100), await announce(1, 100)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([await store.files.used(ownerId), await announce(1_000)]).toEqual([100, true]);
    const taken = await Promise.all(Array.from({ length: 20 }, (_, i) => announce(10, 1_150, i % 2 === 0 ? store : other)));
    expect(await store.files.used(ownerId)).toBe(1_100 + 10 * taken.filter(Boolean).length);
    expect(taken.filter(Boolean).length).toBeLessThanOrEqual(5);
    while (await announce(10, 1_150));
    expect(await store.files.used(ownerId)).toBe(1_150);
  });

  test("in portions, the oldest first", async () => {
    const { store } = harness();
    const now = T0 - 20_000 * HOUR;
    const files = await Promise.all([3, 1, 2].map((n) => create(store, { expiresAt: now - n })));
    const byAge = [files[0], files[2], files[1]].map((file) => file?.id);
    const { going } = await store.files.expire(now, 2);
    expect(going.sort()).toEqual(byAge.slice(0, 2).sort());
    await store.files.remove(going);
    expect((await store.files.expire(now, 2)).going).toEqual(byAge.slice(2));
    await store.files.remove(byAge.slice(2) as string[]);
  });
};
