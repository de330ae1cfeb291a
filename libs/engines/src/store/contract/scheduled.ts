import { expect, test } from "vitest";
import { noChanges, type ScheduledRow } from "../port/index.js";
import { newUsers, type StoreHarness, T0, uniqueId } from "./fixture.js";

const HOUR = 3_600_000;
const pause = (attempts: number): number => (attempts + 1) * HOUR;

/** What every engine must do for messages that are sent later. */
export const scheduledContract = (harness: () => StoreHarness): void => {
  const row = (userId: string, over: Partial<ScheduledRow> = {}): ScheduledRow => ({
    userId,
    id: uniqueId("s"),
    clientMsgId: "c é😀 ",
    body: '{"to":"U1","payload":{"msg_type":"text","text":"é😀"}}',
    bodyHash: "ab".repeat(32),
    sendAt: T0,
    state: "open",
    version: 1,
    createdAt: T0,
    updatedAt: T0,
    messageId: null,
    code: 0,
    ...over,
  });
  const write = (...rows: readonly ScheduledRow[]): Promise<void> =>
    harness().store.ingest.transaction((tx) => tx.write({ ...noChanges, scheduled: rows }));
  /** Nothing of other tests is due meanwhile. */
  const settleAll = async (): Promise<void> => {
    const claimed = await harness().store.scheduled.claim(Number.MAX_SAFE_INTEGER, 1_000, () => 0);
    await write(...claimed.map(({ attempts: _, ...one }) => ({ ...one, state: "cancelled" as const, updatedAt: T0 - 1_000 * HOUR })));
  };

  test("written, read in a transaction and outside; a change replaces it", async () => {
    const { store, other } = harness();
    const [ann, bob] = (await newUsers(store, 2)) as [string, string];
    const first = row(ann);
    await write(first, row(ann), row(bob, { id: first.id, body: "{}" }));
    expect(await other.scheduled.get(first)).toEqual(first);
    expect(await other.scheduled.get({ userId: bob, id: first.id })).toMatchObject({ body: "{}" });
    expect(await other.scheduled.get({ userId: ann, id: "nothing" })).toBeUndefined();
    const sent: ScheduledRow = { ...first, state: "sent", version: 1, updatedAt: T0 + 5, messageId: "7340032000000000001", code: 0 };
    await write(sent);
    expect(await other.scheduled.get(first)).toEqual(sent);
    const seen = await store.ingest.transaction(async (tx) => [
      await tx.scheduled([first, { userId: ann, id: "nothing" }]),
      await tx.openScheduled(ann),
      await tx.openScheduled(bob),
    ]);
    expect(seen).toEqual([[sent], 1, 1]);
    await settleAll();
  });

  test("listed by time: open and failed ones, of one user, from page to page", async () => {
    const { store, other } = harness();
    const [ann, bob] = (await newUsers(store, 2)) as [string, string];
    const late = row(ann, { id: "a", sendAt: T0 + 2 });
    const failed = row(ann, { id: "b", sendAt: T0 + 1, state: "failed", code: 804 });
    const same = row(ann, { id: "c", sendAt: T0 + 1 });
    await write(late, same, failed, row(bob), row(ann, { state: "sent", messageId: "77" }), row(ann, { state: "cancelled" }));
    expect(await other.scheduled.list(ann, undefined, 10)).toEqual([failed, same, late]);
    expect(await other.scheduled.list(ann, undefined, 1)).toEqual([failed]);
    expect(await other.scheduled.list(ann, failed, 1)).toEqual([same]);
    expect(await other.scheduled.list(ann, same, 5)).toEqual([late]);
    expect(await other.scheduled.list(ann, late, 5)).toEqual([]);
    await settleAll();
  });

  test("what is due is claimed by one of many; the longest due first; due again after a pause that grows", async () => {
    const { store, other } = harness();
    await settleAll();
    const [ann] = (await newUsers(store, 1)) as [string];
    const rows = Array.from({ length: 20 }, (_, i) => row(ann, { sendAt: T0 + i }));
    await write(...rows, row(ann, { sendAt: T0 - 1, state: "sent" }), row(ann, { sendAt: T0 - 1, state: "failed" }));
    expect(await store.scheduled.nextDue()).toBe(T0);
    expect(await store.scheduled.claim(T0 - 1, 100, pause)).toEqual([]);
    expect(await store.scheduled.claim(T0 + 1, 1, pause)).toEqual([{ ...rows[0], attempts: 0 }]);
    const tries = Array.from({ length: 6 }, (_, i) => (i % 2 ? store : other).scheduled.claim(T0 + 14, 4, pause));
    const claimed = (await Promise.all(tries)).flat();
    expect(claimed.map(({ sendAt }) => sendAt - T0).sort((a, b) => a - b)).toEqual(Array.from({ length: 14 }, (_, i) => i + 1));
    expect(await store.scheduled.nextDue()).toBe(T0 + 15);
    expect(await store.scheduled.claim(T0 + HOUR, 100, pause)).toHaveLength(5);
    const again = await store.scheduled.claim(T0 + 14 + HOUR, 100, pause);
    expect(again).toHaveLength(15);
    expect(again.map(({ attempts }) => attempts)).toEqual(again.map(() => 1));
    expect(await store.scheduled.claim(T0 + 2 * HOUR, 100, pause)).toHaveLength(5);
    await settleAll();
    expect(await store.scheduled.nextDue()).toBeUndefined();
  });

  test("a change makes it due at its new time, whoever claimed it before; what is settled is due no more", async () => {
    const { store } = harness();
    await settleAll();
    const [ann] = (await newUsers(store, 1)) as [string];
    const [changed, sent] = [row(ann), row(ann)];
    await write(changed, sent);
    expect(await store.scheduled.claim(T0, 10, pause)).toHaveLength(2);
    await write({ ...changed, version: 2, sendAt: T0 + 7 }, { ...sent, state: "sent", messageId: "77" });
    expect(await store.scheduled.nextDue()).toBe(T0 + 7);
    expect(await store.scheduled.claim(T0 + 10 * HOUR, 10, pause)).toEqual([{ ...changed, version: 2, sendAt: T0 + 7, attempts: 0 }]);
    await settleAll();
  });

  test("settled ones are removed in portions, open ones never", async () => {
    const { store } = harness();
    await settleAll();
    await store.scheduled.removeSettled(T0, 10_000);
    const [ann] = (await newUsers(store, 1)) as [string];
    const open = row(ann, { updatedAt: T0 - 9 });
    const settled = (["sent", "failed", "cancelled"] as const).map((state) => row(ann, { state, updatedAt: T0 - 8 }));
    const young = row(ann, { state: "sent", updatedAt: T0 });
    await write(open, ...settled, young);
    expect(await store.scheduled.removeSettled(T0, 2)).toBe(2);
    expect(await store.scheduled.removeSettled(T0, 2)).toBe(1);
    expect(await store.scheduled.removeSettled(T0, 2)).toBe(0);
    expect(await store.scheduled.get(open)).toEqual(open);
    expect(await store.scheduled.get(young)).toEqual(young);
    await settleAll();
  });
};
