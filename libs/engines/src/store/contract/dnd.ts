import { expect, test } from "vitest";
import { type DndRow, noChanges } from "../port/index.js";
import { newUsers, type StoreHarness, T0 } from "./fixture.js";

/** What every engine must do for who is not to be disturbed. */
export const dndContract = (harness: () => StoreHarness): void => {
  test("the last choice of a user, none of who has not chosen", async () => {
    const { store, other } = harness();
    const [ann, bob] = (await newUsers(store, 2)) as [string, string];
    const write = (row: DndRow) => store.ingest.transaction((tx) => tx.write({ ...noChanges, dnd: [row] }));
    const first: DndRow = { userId: ann, snoozeUntil: T0, schedule: '{"from":"22:00","zone":"é😀"}', allowMentions: true };
    await write(first);
    expect(await other.dnd.get(ann)).toEqual(first);
    expect(await other.dnd.get(bob)).toBeUndefined();
    const second: DndRow = { userId: ann, snoozeUntil: 0, schedule: null, allowMentions: false };
    await write(second);
    expect(await other.dnd.get(ann)).toEqual(second);
  });
};
