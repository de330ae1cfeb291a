import { expect, test } from "vitest";
import { newUser, type StoreHarness, T0, uniqueId, userRow } from "./fixture.js";

const MINUTE = 60_000;
const newEmail = (): string => `${uniqueId("ann")}+测试@example.org`;

export const emailCodesContract = (harness: () => StoreHarness): void => {
  const put = (email: string, hash: string, purpose: "register" | "reset" = "reset"): Promise<void> =>
    harness().store.emailCodes.put({ email, purpose, hash, expiresAt: T0 + 10 * MINUTE });
  const use = (email: string, hash: string, now = T0, purpose: "register" | "reset" = "reset"): Promise<boolean> =>
    harness().store.emailCodes.use(email, purpose, hash, now, 5);

  test("e-mail codes: good once, for one of many at a time, and for their purpose only", async () => {
    const { store, other } = harness();
    const email = newEmail();
    await put(email, "aa");
    expect(await use(email, "aa", T0, "register")).toBe(false);
    const tries = Array.from({ length: 8 }, (_, i) => (i % 2 ? store : other).emailCodes.use(email, "reset", "aa", T0, 100));
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    expect(await use(email, "aa")).toBe(false);
    expect(await use(newEmail(), "aa")).toBe(false);
  });

  test("e-mail codes: gone after five wrong tries, also when these come at once; good after four", async () => {
    const { store, other } = harness();
    const [ann, bob] = [newEmail(), newEmail()];
    await put(ann, "aa");
    await put(bob, "aa");
    for (let i = 0; i < 4; i++) expect(await use(ann, "bb")).toBe(false);
    expect(await use(ann, "aa")).toBe(true);
    await Promise.all(Array.from({ length: 5 }, (_, i) => (i % 2 ? store : other).emailCodes.use(bob, "reset", "bb", T0, 5)));
    expect(await use(bob, "aa")).toBe(false);
  });

  test("e-mail codes: a new one replaces the one before, with tries of its own", async () => {
    const email = newEmail();
    await put(email, "aa");
    for (let i = 0; i < 4; i++) await use(email, "bb");
    await put(email, "cc");
    expect(await use(email, "aa")).toBe(false);
    expect(await use(email, "cc")).toBe(true);
  });

  test("e-mail codes: not after their time; expired ones are removed in portions", async () => {
    const { store } = harness();
    const emails = [newEmail(), newEmail(), newEmail()];
    for (const email of emails) await store.emailCodes.put({ email, purpose: "register", hash: "aa", expiresAt: T0 - 1000 * MINUTE });
    const [late = "", ...others] = emails;
    expect(await use(late, "aa", T0 - 1000 * MINUTE, "register")).toBe(false);
    expect(await use(others[0] ?? "", "aa", T0 - 1000 * MINUTE - 1, "register")).toBe(true);
    const before = T0 - 999 * MINUTE;
    expect(await store.emailCodes.removeExpired(before, 1)).toBe(1);
    expect(await store.emailCodes.removeExpired(before, 10)).toBe(1);
    expect(await store.emailCodes.removeExpired(before, 10)).toBe(0);
  });

  test("users: an address belongs to one of many who ask for it, and nothing of the others stays", async () => {
    const { store, other } = harness();
    const email = newEmail();
    const rows = Array.from({ length: 6 }, () => userRow());
    const outcomes = await Promise.allSettled(rows.map((row, i) => (i % 2 ? store : other).users.create(row, email)));
    const created = rows.filter((_, i) => outcomes[i]?.status === "fulfilled");
    expect(created).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "CONFLICT" });
    expect((await store.users.byEmail(email))?.id).toBe(created[0]?.id);
    expect(await store.users.get(rows.map((row) => row.id))).toHaveLength(1);
    expect(await store.users.byEmail(email.toUpperCase())).toBeUndefined();
  });

  test("users: a password is replaced, of one user", async () => {
    const { store } = harness();
    const [ann, bob] = [await newUser(store), await newUser(store)];
    await store.users.setPassword(ann, "another hash");
    expect((await store.users.get([ann]))[0]?.passwordHash).toBe("another hash");
    expect((await store.users.get([bob]))[0]?.passwordHash).toBe("hash");
    await expect(store.users.setPassword("Unobody", "x")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
};
