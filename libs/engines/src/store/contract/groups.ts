import { expect, test } from "vitest";
import { defaultGroupSettings, type GroupSettings, type JoinRequest, noChanges, type Restriction } from "../port/index.js";
import { memberRow, newUsers, type StoreHarness, T0, uniqueId } from "./fixture.js";

export const groupsContract = (harness: () => StoreHarness): void => {
  const write = (changes: Partial<typeof noChanges>): Promise<void> =>
    harness().store.ingest.transaction((tx) => tx.write({ ...noChanges, ...changes }));

  test("groups: settings are what was written last, and their link leads to them", async () => {
    const { store } = harness();
    const [one, two] = [uniqueId("G"), uniqueId("C")];
    const settings: GroupSettings = {
      ...defaultGroupSettings(one),
      announcement: "Tea at five 🍵",
      slowModeS: 30,
      mutedUntil: T0 + 1,
      join: "approval",
      link: uniqueId("l"),
      linkExpiresAt: T0 + 2,
      linkMaxUses: 3,
      linkUses: 1,
      dissolvedAt: 0,
    };
    expect(await store.groups.settings([one])).toEqual([]);
    // Any number of groups has no link.
    await write({ groupSettings: [settings, defaultGroupSettings(two)] });
    await write({ groupSettings: [defaultGroupSettings(uniqueId("G"))] });
    expect(await store.groups.settings([one, one, "Gnone"])).toEqual([settings]);
    expect(await store.groups.settings([two])).toEqual([defaultGroupSettings(two)]);
    expect(await store.groups.byLink(settings.link)).toEqual(settings);
    expect(await store.groups.byLink(settings.link.toUpperCase())).toBeUndefined();
    const changed = { ...settings, link: "", dissolvedAt: T0 + 5 };
    await store.ingest.transaction(async (tx) => {
      expect(await tx.groupSettings([two, one])).toEqual(expect.arrayContaining([settings, defaultGroupSettings(two)]));
      tx.write({ ...noChanges, groupSettings: [changed] });
    });
    expect(await store.groups.settings([one])).toEqual([changed]);
    expect(await store.groups.byLink(settings.link)).toBeUndefined();
  });

  test("groups: restrictions are read by user, bans listed in pages", async () => {
    const { store } = harness();
    const group = uniqueId("G");
    const users = Array.from({ length: 5 }, () => uniqueId("U")).sort();
    const of = (userId: string, over: Partial<Restriction>): Restriction => ({
      conversationId: group,
      userId,
      bannedAt: 0,
      bannedBy: "",
      mutedUntil: 0,
      lastSentAt: 0,
      ...over,
    });
    const [a, b, c, d] = users as [string, string, string, string];
    const rows = [a, b, c].map((user) => of(user, { bannedAt: T0, bannedBy: "Uboss" }));
    const muted = of(d, { mutedUntil: T0 + 9, lastSentAt: T0 });
    await write({ restrictions: [...rows, muted, { ...of(a, { bannedAt: T0 }), conversationId: uniqueId("G") }] });
    expect(await store.groups.bans(group, "", 2)).toEqual(rows.slice(0, 2));
    expect(await store.groups.bans(group, b, 2)).toEqual(rows.slice(2));
    await store.ingest.transaction(async (tx) => {
      const read = await tx.restrictions(users.map((userId) => ({ conversationId: group, userId })));
      expect(read).toHaveLength(4);
      expect(read).toEqual(expect.arrayContaining([...rows, muted]));
      // Removals come first.
      tx.write({
        ...noChanges,
        restrictionsRemoved: [a, b].map((userId) => ({ conversationId: group, userId })),
        restrictions: [of(b, { mutedUntil: 1 })],
      });
    });
    expect(await store.groups.bans(group, "", 9)).toEqual(rows.slice(2));
    expect(await store.groups.restrictions([{ conversationId: group, userId: b }])).toEqual([of(b, { mutedUntil: 1 })]);
  });

  test("groups: join requests, the oldest first, until they expire", async () => {
    const { store } = harness();
    const group = uniqueId("G");
    const users = Array.from({ length: 4 }, () => uniqueId("U")).sort();
    const long = T0 + 1_000_000;
    const requests: JoinRequest[] = users.map((userId, i) => ({
      conversationId: group,
      userId,
      message: `let me in ${i} 🙏`,
      requestedAt: T0 + (i < 2 ? 1 : 0),
      expiresAt: i === 3 ? 5 : long,
      refused: false,
    }));
    const [first, second, third, expired] = requests as [JoinRequest, JoinRequest, JoinRequest, JoinRequest];
    await write({ joinRequests: requests });
    expect(await store.groups.joinRequests(group, undefined, T0, 2)).toEqual([third, first]);
    expect(await store.groups.joinRequests(group, first, T0, 2)).toEqual([second]);
    expect(await store.groups.joinRequests(group, undefined, long, 9)).toEqual([]);
    expect([await store.groups.countJoinRequests(group, T0), await store.groups.countJoinRequests(group, long)]).toEqual([3, 0]);
    // One that was refused is remembered, and waits no longer.
    const refused = { ...third, userId: uniqueId("U"), refused: true };
    await write({ joinRequests: [refused] });
    expect(await store.groups.joinRequests(group, undefined, T0, 1)).toEqual([third]);
    expect(await store.groups.countJoinRequests(group, T0)).toBe(3);
    await store.ingest.transaction(async (tx) => {
      expect(await tx.joinRequests([refused])).toEqual([refused]);
      expect([await tx.countJoinRequests(group, T0), await tx.countJoinRequests(group, long)]).toEqual([3, 0]);
    });
    await store.ingest.transaction(async (tx) => {
      expect(await tx.joinRequests(users.slice(0, 1).map((userId) => ({ conversationId: group, userId })))).toEqual([first]);
      tx.write({ ...noChanges, joinRequestsRemoved: [first, second], joinRequests: [{ ...second, message: "again" }] });
    });
    expect(await store.groups.joinRequests(group, undefined, 0, 9)).toEqual([third, expired, { ...second, message: "again" }].sort(byTime));
    expect(await store.groups.removeExpiredRequests(10, 50)).toBeGreaterThanOrEqual(1);
    expect(await store.groups.joinRequests(group, undefined, 0, 9)).toEqual([third, { ...second, message: "again" }]);
  });

  test("groups: leaders are found among all members; what is held of a group goes over to the one that follows it", async () => {
    const { store } = harness();
    const [group, next] = [uniqueId("G"), uniqueId("C")];
    const users = await newUsers(store, 4);
    const [a = "", b = "", c = "", d = ""] = users;
    const members = [memberRow(group, a, { role: "owner" }), memberRow(group, b, { role: "admin" }), memberRow(group, c)];
    const ban: Restriction = { conversationId: group, userId: d, bannedAt: T0, bannedBy: a, mutedUntil: 0, lastSentAt: 0 };
    const request: JoinRequest = { conversationId: group, userId: d, message: "", requestedAt: T0, expiresAt: T0 + 9, refused: false };
    await write({
      membersAdded: [...members, memberRow(next, c, { role: "admin" })],
      restrictions: [ban],
      joinRequests: [request],
    });
    const leaders = await store.ingest.transaction((tx) => tx.leaders([group, group]));
    expect(leaders.map((m) => [m.userId, m.role]).sort()).toEqual(
      [
        [a, "owner"],
        [b, "admin"],
      ].sort(),
    );
    expect(await store.ingest.transaction((tx) => tx.leaders([group, next]))).toHaveLength(3);
    // What the same batch has written goes along.
    await write({ restrictions: [{ ...ban, userId: c }], moves: [{ from: group, to: next }] });
    expect([await store.groups.bans(group, "", 9), await store.groups.joinRequests(group, undefined, T0, 9)]).toEqual([[], []]);
    expect((await store.groups.bans(next, "", 9)).map((r) => r.userId).sort()).toEqual([c, d].sort());
    expect(await store.groups.joinRequests(next, undefined, T0, 9)).toEqual([{ ...request, conversationId: next }]);
  });
};

const byTime = (a: JoinRequest, b: JoinRequest): number => a.requestedAt - b.requestedAt || (a.userId < b.userId ? -1 : 1);
