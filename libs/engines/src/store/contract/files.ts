import { expect, test } from "vitest";
import { type FileRow, noChanges, type Store } from "../port/index.js";
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
