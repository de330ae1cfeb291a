import { expect, test } from "vitest";
import { newUsers, type StoreHarness, T0, uniqueId } from "./fixture.js";

/** What every engine must do for presence. */
export const presenceContract = (harness: () => StoreHarness): void => {
  test("last used: the newest of a user's sessions", async () => {
    const { store, other } = harness();
    const [ann, bob, cem] = (await newUsers(store, 3)) as [string, string, string];
    const open = (userId: string, lastUsedAt: number) =>
      store.sessions.open({
        id: uniqueId("S"),
        userId,
        deviceId: uniqueId("D"),
        platform: "web",
        refreshHash: uniqueId("h"),
        createdAt: T0,
        lastUsedAt,
        expiresAt: T0 + 1_000,
        revokedAt: null,
      });
    await open(ann, T0 + 7);
    await open(ann, T0 + 3);
    await open(bob, T0 + 1);
    expect(await other.presence.lastUsed([ann, bob, cem])).toEqual(
      new Map([
        [ann, T0 + 7],
        [bob, T0 + 1],
      ]),
    );
  });
};
