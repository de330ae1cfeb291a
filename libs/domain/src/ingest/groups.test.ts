import { beforeEach, describe, expect, test } from "vitest";
import { newId } from "../ids.js";
import { add, createGroup, IngestFixture, remove, send } from "./fixture.js";
import type { CommandBody } from "./rule.js";

const MEMBERS_MAX = 5;
const fixture = new IngestFixture({ membersMax: MEMBERS_MAX });
const { apply, codes, createUser } = fixture;
let ann: string;
let bob: string;
let cat: string;

beforeEach(async () => {
  ann = await createUser();
  bob = await createUser();
  cat = await createUser();
});

describe("groups", () => {
  test("again with the same id is the same group; too many and unknown members are refused", async () => {
    const group = newId("G");
    expect(await codes(createGroup(group, ann, [bob]), createGroup(group, ann, [bob]), createGroup(group, bob, []))).toEqual([
      "OK",
      "OK",
      "CONFLICT",
    ]);
    expect(await codes(createGroup(newId("G"), ann, [newId("U")]))).toEqual(["PEER_NOT_FOUND"]);
    const many = await Promise.all(Array.from({ length: MEMBERS_MAX }, createUser));
    expect(await codes(createGroup(newId("G"), ann, many), add(group, ann, many))).toEqual(["GROUP_FULL", "GROUP_FULL"]);
  });

  test("members add, only owner and admins remove, and an owner hands over before leaving, or is the last", async () => {
    const group = newId("G");
    await apply(createGroup(group, ann, [bob]));
    expect(await codes(add(group, cat, [cat]))).toEqual(["NOT_A_MEMBER"]);
    const transfer: CommandBody = { $case: "transferGroup", value: { groupId: group, actorId: ann, userId: bob } };
    expect(
      await codes(add(group, bob, [cat]), remove(group, cat, bob), remove(group, ann, ann), transfer, remove(group, ann, ann)),
    ).toEqual(["OK", "FORBIDDEN", "OWNER_STAYS", "OK", "OK"]);
    expect(await codes(remove(group, bob, cat))).toEqual(["OK"]);
    expect((await fixture.store.conversations.get([group]))[0]?.ownerId).toBe(bob);
    expect(await fixture.store.conversations.members(group)).toMatchObject([{ userId: bob, role: "owner" }]);
    // The group ends with its last member.
    expect(await codes(remove(group, bob, bob), remove(group, bob, bob))).toEqual(["OK", "OK"]);
    expect(await fixture.store.conversations.members(group)).toEqual([]);
    expect((await fixture.store.groups.settings([group]))[0]?.dissolvedAt).toBeGreaterThan(0);
  });

  test("who joins has read what was before, and again after leaving", async () => {
    const group = newId("G");
    await apply(createGroup(group, ann, [bob]), send(ann, group), add(group, ann, [cat]), send(ann, group));
    expect(await fixture.store.dialogs.get(cat, group)).toMatchObject({ readSeq: 1, topSeq: 2, unread: 1 });
    await apply(remove(group, ann, cat), send(ann, group), add(group, ann, [cat]));
    expect(await fixture.store.dialogs.get(cat, group)).toMatchObject({ readSeq: 3, topSeq: 3, unread: 0 });
    expect(await fixture.store.conversations.memberships(cat, [group])).toMatchObject([{ joinedSeq: 3 }]);
  });
});
