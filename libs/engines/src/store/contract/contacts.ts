import { expect, test } from "vitest";
import { type ContactRow, noChanges, type PrivacyRow } from "../port/index.js";
import { conversationRow, newUser, newUsers, pairId, type StoreHarness, send, T0, userRow } from "./fixture.js";

const contactRow = (userId: string, peer: string, over: Partial<ContactRow> = {}): ContactRow => ({
  userId,
  peer,
  state: "contact",
  remark: "",
  message: "",
  since: T0,
  ...over,
});

export const contactsContract = (harness: () => StoreHarness): void => {
  test("contacts: rows are put, changed and removed; lists go on behind a peer", async () => {
    const { store } = harness();
    const [a, ...peers] = (await newUsers(store, 4)).sort() as [string, string, string, string];
    const [b, c, d] = peers;
    const rows = [
      contactRow(a, b, { remark: "Bé 🐦" }),
      contactRow(a, c, { state: "incoming", message: "it's me" }),
      contactRow(a, d),
      contactRow(d, a),
    ];
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, contacts: rows }));
    expect(await store.contacts.list(a, "contact", "", 9)).toEqual([rows[0], rows[2]]);
    expect(await store.contacts.list(a, "contact", b, 9)).toEqual([rows[2]]);
    expect(await store.contacts.list(a, "contact", "", 1)).toEqual([rows[0]]);
    expect(await store.contacts.list(a, "incoming", "", 9)).toEqual([rows[1]]);
    expect(await store.contacts.list(a, "outgoing", "", 9)).toEqual([]);
    expect(await store.contacts.get(a, [c, c, "Unobody"])).toEqual([rows[1]]);
    const accepted = contactRow(a, c, { since: T0 + 5 });
    await store.ingest.transaction(async (tx) => {
      expect(
        await tx.contacts([
          { userId: a, peer: c },
          { userId: c, peer: a },
        ]),
      ).toEqual([rows[1]]);
      expect(await tx.contactsOf([a, b, a])).toEqual([rows[0], rows[2]]);
      expect(await tx.contactCounts(a)).toEqual({ contact: 2, incoming: 1, outgoing: 0, blocks: 0 });
      expect(await tx.contactCounts(b)).toEqual({ contact: 0, incoming: 0, outgoing: 0, blocks: 0 });
      tx.write({ ...noChanges, contacts: [accepted], contactsRemoved: [{ userId: a, peer: b }] });
    });
    const now = await store.contacts.list(a, "contact", "", 9);
    expect(now).toEqual([accepted, rows[2]].sort((x, y) => ((x as ContactRow).peer < (y as ContactRow).peer ? -1 : 1)));
    expect(await store.contacts.list(a, "incoming", "", 9)).toEqual([]);
  });

  test("refusals: the newest counts, and is kept per direction", async () => {
    const { store, other } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    expect(await store.contacts.refusedAt(a, b)).toBeUndefined();
    for (const refusedAt of [T0 + 1, T0 + 2]) {
      await store.ingest.transaction((tx) => tx.write({ ...noChanges, contactRefusals: [{ userId: a, peer: b, refusedAt }] }));
    }
    expect([await other.contacts.refusedAt(a, b), await other.contacts.refusedAt(b, a)]).toEqual([T0 + 2, undefined]);
    await store.ingest.transaction(async (tx) => {
      const keys = [
        { userId: a, peer: b },
        { userId: b, peer: a },
      ];
      expect(await tx.contactRefusals(keys)).toEqual([{ userId: a, peer: b, refusedAt: T0 + 2 }]);
      tx.write({ ...noChanges, contactRefusalsRemoved: keys });
    });
    expect(await store.contacts.refusedAt(a, b)).toBeUndefined();
  });

  test("blocks: put, listed behind a peer, removed, counted", async () => {
    const { store } = harness();
    const [a, b, c] = (await newUsers(store, 3)).sort() as [string, string, string];
    const rows = [
      { userId: a, peer: b, since: T0 },
      { userId: a, peer: c, since: T0 + 1 },
    ];
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, blocks: rows }));
    expect(await store.contacts.blocks(a, "", 9)).toEqual(rows);
    expect(await store.contacts.blocks(a, b, 9)).toEqual([rows[1]]);
    expect(await store.contacts.blocks(a, "", 1)).toEqual([rows[0]]);
    await store.ingest.transaction(async (tx) => {
      expect(await tx.contactCounts(a)).toMatchObject({ blocks: 2 });
      tx.write({ ...noChanges, blocksRemoved: [{ userId: a, peer: b }] });
    });
    expect(await store.contacts.blocks(a, "", 9)).toEqual([rows[1]]);
  });

  test("relations: stand with the conversation of the two, messages leave them alone", async () => {
    const { store } = harness();
    const [a, b, c] = (await newUsers(store, 3)) as [string, string, string];
    const id = pairId(a, b);
    const row = conversationRow({ id, relation: 5 });
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, conversations: [row] }));
    expect(await store.conversations.get([id])).toEqual([row]);
    expect(await store.contacts.relations([id, id, pairId(a, c)])).toEqual(new Map([[id, 5]]));
    await send(store, [
      { from: a, to: b },
      { from: a, to: c },
    ]);
    expect(await store.conversations.get([id])).toEqual([{ ...row, lastSeq: 1 }]);
    await store.ingest.transaction(async (tx) => {
      expect(await tx.relations([id, pairId(b, c)])).toEqual(new Map([[id, 5]]));
      expect((await tx.lockConversations([id])).get(id)).toMatchObject({ relation: 5 });
      tx.write({ ...noChanges, conversations: [conversationRow({ id, lastSeq: 1, relation: 0 })] });
    });
    expect((await store.contacts.relations([id])).get(id)).toBe(0);
    expect(await store.conversations.get([id])).toEqual([conversationRow({ id, lastSeq: 1 })]);
  });

  test("privacy: who has set nothing has no row; a second setting replaces the first", async () => {
    const { store } = harness();
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const set: PrivacyRow = { userId: a, messages: "contacts", groups: "everyone", lastSeen: "nobody", findByAccount: false };
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, privacy: [set] }));
    expect(await store.privacy.get([a, b, a])).toEqual([set]);
    const again: PrivacyRow = { ...set, messages: "everyone", findByAccount: true };
    await store.ingest.transaction(async (tx) => {
      expect(await tx.privacy([a, b])).toEqual([set]);
      tx.write({ ...noChanges, privacy: [again] });
    });
    expect(await store.privacy.get([a])).toEqual([again]);
  });

  test("profiles: a transaction changes nickname, avatar and bio of who exists, and nothing else", async () => {
    const { store } = harness();
    const user = userRow();
    await newUser(store, user);
    await store.ingest.transaction(async (tx) => {
      expect(await tx.users([user.id, "Unobody"])).toEqual([user]);
      const changed = { ...user, nickname: "Zoë", avatar: "F1", bio: "Grüße 🐦", account: "other", passwordHash: "other" };
      tx.write({ ...noChanges, profiles: [changed] });
    });
    const now = { ...user, nickname: "Zoë", avatar: "F1", bio: "Grüße 🐦" };
    expect(await store.users.get([user.id])).toEqual([now]);
    expect(await store.users.byAccount(user.account)).toEqual(now);
    const { bio: _, ...bare } = now;
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, profiles: [{ ...now, bio: "" }] }));
    expect(await store.users.get([user.id])).toEqual([bare]);
  });
};
