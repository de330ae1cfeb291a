import { expect, test } from "vitest";
import type { Rotation, SessionRow } from "../port/index.js";
import { newUser, newUsers, type StoreHarness, T0, uniqueId, userRow } from "./fixture.js";

const HOUR = 3600_000;

const sessionRow = (userId: string, over: Partial<SessionRow> = {}): SessionRow => ({
  id: uniqueId("s"),
  userId,
  deviceId: "phone",
  platform: "android",
  refreshHash: "r0",
  createdAt: T0,
  lastUsedAt: T0,
  expiresAt: T0 + HOUR,
  revokedAt: null,
  ...over,
});

const rotation = (from: string, to: string, over: Partial<Rotation> = {}): Rotation => ({
  from,
  to,
  usedAt: T0 + 2,
  expiresAt: T0 + 2 * HOUR,
  graceMs: 0,
  ...over,
});

export const accountsContract = (harness: () => StoreHarness): void => {
  test("users: created, read back, found by account", async () => {
    const { store } = harness();
    const user = userRow({ nickname: "Zoë 🐦‍⬛ 小明", account: `小明-${uniqueId("")}` });
    await store.users.create(user);
    expect(await store.users.get([user.id, user.id, "Unobody"])).toEqual([user]);
    expect(await store.users.get([])).toEqual([]);
    expect(await store.users.byAccount(user.account)).toEqual(user);
    expect(await store.users.byAccount("nobody has this one")).toBeUndefined();
    expect(await store.updates.difference(user.id, 0, 10)).toEqual({ updates: [], pts: 0, hasMore: false, tooLong: false });
  });

  test("users: listed by id; deactivated once, and let in again", async () => {
    const { store, other } = harness();
    const ids = (await newUsers(store, 3)).sort() as [string, string, string];
    const [first, second, third] = ids;
    expect((await store.users.list(first, 2)).map((user) => user.id).slice(0, 1)).toHaveLength(1);
    expect((await other.users.list(second, 1_000)).map((user) => user.id)).toContain(third);
    const all = (await store.users.list("", 100_000)).map((user) => user.id);
    expect(all).toEqual([...all].sort());
    expect(all.filter((id) => ids.includes(id))).toEqual(ids);
    await store.users.deactivate(first, T0 + 1);
    await store.users.deactivate(first, T0 + 2);
    expect(await other.users.get([first])).toMatchObject([{ deactivatedAt: T0 + 1 }]);
    await store.users.deactivate(first, undefined);
    expect((await store.users.get([first]))[0]?.deactivatedAt).toBeUndefined();
    await expect(store.users.deactivate("Unobody", T0)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("users: an account is taken once, by exactly one of many at a time", async () => {
    const { store, other } = harness();
    const account = uniqueId("race-");
    const tries = Array.from({ length: 10 }, (_, i) => (i % 2 ? store : other).users.create(userRow({ account })));
    const outcomes = await Promise.allSettled(tries);
    expect(outcomes.filter((o) => o.status === "fulfilled")).toHaveLength(1);
    for (const o of outcomes) if (o.status === "rejected") expect(o.reason).toMatchObject({ code: "ACCOUNT_TAKEN" });
  });

  test("users: an id that exists is a conflict, and nothing of the second user stays", async () => {
    const { store } = harness();
    const user = userRow();
    await store.users.create(user);
    const second = { ...user, account: uniqueId("second-") };
    await expect(store.users.create(second)).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await store.users.byAccount(second.account)).toBeUndefined();
  });

  test("users: accounts and ids compare bytewise", async () => {
    const { store } = harness();
    const upper = userRow({ id: uniqueId("UA"), account: uniqueId("Bob") });
    const lower = { ...upper, id: upper.id.replace("UA", "Ua"), account: upper.account.replace("Bob", "bob") };
    await store.users.create(upper);
    await store.users.create(lower);
    expect(await store.users.get([lower.id])).toEqual([lower]);
    expect(await store.users.byAccount(upper.account)).toEqual(upper);
    expect(await store.users.byAccount(`${upper.account} `)).toBeUndefined();
  });

  test("sessions: a new login replaces the device's earlier one and no other", async () => {
    const { store } = harness();
    const userId = await newUser(store);
    const first = sessionRow(userId);
    const tablet = sessionRow(userId, { deviceId: "tablet", lastUsedAt: T0 + 5 });
    const second = sessionRow(userId, { createdAt: T0 + 10, lastUsedAt: T0 + 10 });
    expect(await store.sessions.open(first)).toEqual([]);
    expect(await store.sessions.open(tablet)).toEqual([]);
    expect(await store.sessions.open(second)).toEqual([first.id]);
    expect(await store.sessions.get(tablet.id)).toEqual(tablet);
    expect(await store.sessions.get(first.id)).toMatchObject({ revokedAt: T0 + 10 });
    expect(await store.sessions.get("nothing")).toBeUndefined();
    expect(await store.sessions.list(userId, T0 + 20)).toEqual([second, tablet]);
    expect(await store.sessions.list(userId, T0 + HOUR)).toEqual([]);
  });

  test("sessions: of logins of one device at a time, one stays", async () => {
    const { store, other } = harness();
    const userId = await newUser(store);
    await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? store : other).sessions.open(sessionRow(userId))));
    expect(await store.sessions.list(userId, T0 + 1)).toHaveLength(1);
  });

  test("sessions: a refresh token rotates once; an old one, a revoked or expired session never", async () => {
    const { store, other } = harness();
    const userId = await newUser(store);
    const session = sessionRow(userId);
    await store.sessions.open(session);
    const tries = Array.from({ length: 8 }, (_, i) =>
      (i % 2 ? store : other).sessions.rotate(session.id, rotation("r0", `r1-${i}`, { usedAt: T0 + 1 })),
    );
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    const rotated = await store.sessions.get(session.id);
    expect(rotated).toMatchObject({ lastUsedAt: T0 + 1, expiresAt: T0 + 2 * HOUR });
    const current = rotated?.refreshHash ?? "";
    expect(await store.sessions.rotate(session.id, rotation("r0", "r2"))).toBe(false);
    expect(await store.sessions.rotate(session.id, rotation(current, "r2", { usedAt: T0 + 2 * HOUR, expiresAt: T0 + 9 * HOUR }))).toBe(
      false,
    );
    expect(await store.sessions.rotate(session.id, rotation(current, current))).toBe(true);
    expect(await store.sessions.revoke(userId, [session.id], T0 + 3)).toEqual([session.id]);
    expect(await store.sessions.rotate(session.id, rotation(current, "r3", { usedAt: T0 + 4 }))).toBe(false);
  });

  test("sessions: the token before the current one rotates again for a while, and no older one", async () => {
    const { store, other } = harness();
    const session = sessionRow(await newUser(store));
    await store.sessions.open(session);
    const rotate = (from: string, to: string, usedAt: number, at = store) =>
      at.sessions.rotate(session.id, rotation(from, to, { usedAt, graceMs: 1_000 }));
    expect(await rotate("r0", "lost", T0 + 10)).toBe(true);
    expect(await rotate("r0", "lost too", T0 + 500, other)).toBe(true);
    expect(await rotate("r0", "r1", T0 + 1_009)).toBe(true);
    expect((await store.sessions.get(session.id))?.refreshHash).toBe("r1");
    // Its time runs from the first rotation; what the lost answers held is worth nothing.
    expect(await rotate("r0", "r2", T0 + 1_010)).toBe(false);
    expect(await rotate("lost too", "r2", T0 + 1_010)).toBe(false);
    // The next one was used, so it arrived: what lies before it is old.
    expect(await rotate("r1", "r2", T0 + 1_020)).toBe(true);
    expect(await rotate("r0", "r3", T0 + 1_021)).toBe(false);
    expect(await rotate("r1", "r3", T0 + 1_021)).toBe(true);
    expect(await store.sessions.revoke(session.userId, [session.id], T0 + 1_022)).toEqual([session.id]);
    expect(await rotate("r1", "r4", T0 + 1_023)).toBe(false);
  });

  test("sessions: revoke takes those named, or all, and tells which were active", async () => {
    const { store } = harness();
    const userId = await newUser(store);
    const stranger = sessionRow(await newUser(store));
    const mine = ["a", "b", "c"].map((deviceId) => sessionRow(userId, { deviceId }));
    for (const session of [...mine, stranger]) await store.sessions.open(session);
    const [a, b, c] = mine.map((session) => session.id) as [string, string, string];
    expect(await store.sessions.revoke(userId, [], T0 + 1)).toEqual([]);
    expect(await store.sessions.revoke(userId, [a, stranger.id], T0 + 1)).toEqual([a]);
    expect(await store.sessions.revoke(userId, undefined, T0 + 2)).toEqual([b, c].sort());
    expect(await store.sessions.revoke(userId, undefined, T0 + 3)).toEqual([]);
    expect(await store.sessions.get(stranger.id)).toEqual(stranger);
  });

  test("sessions: ended ones are removed in portions", async () => {
    const { store } = harness();
    const userId = await newUser(store);
    const old = T0 - 1000 * HOUR;
    const times = { createdAt: old, lastUsedAt: old };
    const ended = [1, 2, 3].map((n) => sessionRow(userId, { ...times, deviceId: `d${n}`, expiresAt: old + n }));
    const revoked = sessionRow(userId, { ...times, deviceId: "d4" });
    const alive = sessionRow(userId, { ...times, deviceId: "d5", expiresAt: old + 5 });
    for (const session of [...ended, revoked, alive]) await store.sessions.open(session);
    await store.sessions.revoke(userId, [revoked.id], old);
    expect(await store.sessions.removeEnded(old + 5, 3)).toBe(3);
    expect(await store.sessions.removeEnded(old + 5, 3)).toBe(1);
    expect(await store.sessions.removeEnded(old + 5, 3)).toBe(0);
    expect(await store.sessions.get(alive.id)).toEqual(alive);
    expect(await store.sessions.get(revoked.id)).toBeUndefined();
  });

  test("jobs: one of many claimers gets a run", async () => {
    const { store, other } = harness();
    const job = uniqueId("job-");
    const claims = Array.from({ length: 12 }, (_, i) => (i % 2 ? store : other).jobs.claim(job, T0, 7, `owner-${i}`, T0));
    expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
    expect(await store.jobs.claim(job, T0 + 1, 7, "owner", T0 + 1)).toBe(true);
    expect(await store.jobs.claim(job, T0, 8, "owner", T0 + 1)).toBe(false);
  });

  test("jobs: an older token claims nothing, and no run comes twice however late it is claimed", async () => {
    const { store } = harness();
    const job = uniqueId("job-");
    expect(await store.jobs.claim(job, T0, 5, "new", T0)).toBe(true);
    expect(await store.jobs.claim(job, T0 + 1, 4, "old", T0)).toBe(false);
    expect(await store.jobs.claim(job, T0 + 100 * 24 * HOUR, 5, "new", T0)).toBe(true);
    expect(await store.jobs.claim(job, T0, 5, "new", T0)).toBe(false);
  });

  test("jobs: the last run and its outcome", async () => {
    const { store } = harness();
    const job = uniqueId("job-");
    expect(await store.jobs.last(job)).toBeUndefined();
    await store.jobs.claim(job, T0, 1, "o", T0);
    await store.jobs.finish(job, T0, T0 + 9, "ok", 42);
    expect(await store.jobs.last(job)).toEqual({ job, dueAt: T0, finishedAt: T0 + 9, outcome: "ok", done: 42 });
    await store.jobs.claim(job, T0 + 60, 1, "o", T0 + 60);
    expect(await store.jobs.last(job)).toEqual({ job, dueAt: T0 + 60, finishedAt: null, outcome: null, done: 0 });
  });
};
