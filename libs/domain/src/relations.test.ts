import type { PrivacyRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { conversationIdOf, newId } from "./ids.js";
import { defaultPrivacy, withBlock, withContacts } from "./relation.js";
import { Relations } from "./relations.js";

const [ann, bob] = [newId("U"), newId("U")];
const pair = conversationIdOf(ann, bob);

/** A store of one pair and its privacy, that counts its look-ups and can be away. */
const open = () => {
  const state = { now: 1_000, relation: 0, privacy: defaultPrivacy(bob) as PrivacyRow, lookups: 0, away: false };
  const ask = async <T>(value: T): Promise<T> => {
    state.lookups += 1;
    if (state.away) throw new AppError("UNAVAILABLE");
    return value;
  };
  const contacts = {
    relations: (ids: readonly string[]) => ask(new Map(ids.filter((id) => id === pair).map((id) => [id, state.relation]))),
    get: () => ask([]),
    list: () => ask([]),
    refusedAt: async () => undefined,
    blocks: () => ask([]),
  };
  const privacy = { get: (ids: readonly string[]) => ask([state.privacy].filter((row) => ids.includes(row.userId))) };
  return { state, relations: new Relations({ contacts, privacy }, { now: () => state.now }) };
};

test("a send to one who takes it is known without asking for some seconds", async () => {
  const { state, relations } = open();
  await relations.checkMessage(ann, bob);
  const { lookups } = state;
  expect(relations.checkMessage(ann, bob)).toBeUndefined();
  state.now += 4_999;
  expect(relations.checkMessage(ann, bob)).toBeUndefined();
  expect(state.lookups).toBe(lookups);
  // A change that another process made.
  state.relation = withBlock(0, bob, ann, true);
  state.now += 1;
  await expect(relations.checkMessage(ann, bob)).rejects.toMatchObject({ code: "PEER_REFUSES" });
});

test("a block is known at once where it was made, and gone at once everywhere", async () => {
  const { state, relations } = open();
  await relations.checkMessage(ann, bob);
  state.relation = withBlock(0, bob, ann, true);
  relations.forget(bob, ann);
  await expect(relations.checkMessage(ann, bob)).rejects.toMatchObject({ code: "PEER_REFUSES" });
  state.relation = 0;
  await expect(relations.checkMessage(ann, bob)).resolves.toBeUndefined();
});

test("what was asked for before a change is not remembered after it", async () => {
  const { state, relations } = open();
  const asking = relations.checkMessage(ann, bob);
  await Promise.resolve();
  state.relation = withBlock(0, ann, bob, true);
  relations.forget(ann, bob);
  await asking?.catch(() => undefined);
  await expect(relations.checkMessage(ann, bob)).rejects.toMatchObject({ code: "PEER_REFUSES" });
});

test("a block cuts both ways; messages from contacts alone leave contacts in", async () => {
  const { state, relations } = open();
  state.relation = withContacts(withBlock(0, ann, bob, true), true);
  await expect(relations.checkMessage(ann, bob)).rejects.toMatchObject({ code: "PEER_REFUSES" });
  await expect(relations.checkMessage(bob, ann)).rejects.toMatchObject({ code: "PEER_REFUSES" });
  expect([await relations.isBlocked(ann, bob), await relations.isBlocked(bob, ann)]).toEqual([true, false]);
  expect([await relations.isContact(bob, ann), await relations.isClosed(bob, ann)]).toEqual([true, true]);
  expect(await relations.refusingToBeAdded(ann, [ann, bob])).toEqual([bob]);
  state.relation = withContacts(0, true);
  state.privacy = { ...state.privacy, messages: "contacts", groups: "contacts" };
  await relations.checkMessage(ann, bob);
  expect(await relations.refusingToBeAdded(ann, [bob])).toEqual([]);
  state.relation = 0;
  state.now += 5_000;
  await expect(relations.checkMessage(ann, bob)).rejects.toMatchObject({ code: "PEER_REFUSES" });
  expect(await relations.refusingToBeAdded(ann, [bob])).toEqual([bob]);
});

const shown = async (relations: Relations, viewerId: string, userId: string): Promise<boolean> =>
  (await relations.maySeePresence([{ viewerId, userId }]))[0] === true;

test("last seen is for those whom it is set for, never across a block, always for oneself", async () => {
  const { state, relations } = open();
  const seen = (lastSeen: PrivacyRow["lastSeen"], relation: number): Promise<boolean> => {
    state.privacy = { ...state.privacy, lastSeen };
    state.relation = relation;
    relations.forget(ann, bob);
    relations.forgetPrivacy(bob);
    return shown(relations, ann, bob);
  };
  const contacts = withContacts(0, true);
  expect([await seen("everyone", 0), await seen("contacts", 0), await seen("contacts", contacts)]).toEqual([true, false, true]);
  expect([await seen("nobody", contacts), await seen("everyone", withBlock(contacts, bob, ann, true))]).toEqual([false, false]);
  expect(await shown(relations, bob, bob)).toBe(true);
});

test("while the store is away, what was known last counts; else a send passes", async () => {
  const { state, relations } = open();
  state.away = true;
  await relations.checkMessage(ann, bob);
  state.away = false;
  state.relation = withBlock(0, bob, ann, true);
  await expect(relations.checkMessage(ann, bob)).rejects.toMatchObject({ code: "PEER_REFUSES" });
  state.away = true;
  state.now += 60_000;
  await expect(relations.checkMessage(ann, bob)).rejects.toMatchObject({ code: "PEER_REFUSES" });
});
