import { noChanges } from "@dunlin/engines/store";
import { queue as records } from "@dunlin/proto";
import { beforeEach, describe, expect, test } from "vitest";
import { groupLimits } from "../group-rules.js";
import { newId } from "../ids.js";
import { decodeCommand } from "./decode.js";
import { add as addTo, command, createGroup, IngestFixture, JOIN_PAUSE_MS, remove as removeFrom, send as sendTo, T0 } from "./fixture.js";
import type { CommandBody } from "./rule.js";

let now = T0;
const fixture = new IngestFixture({ membersMax: 4, clock: { now: () => now } });
const { apply, codes, createUser, types } = fixture;
let ann: string;
let bob: string;
let cat: string;
let dot: string;
let group: string;

const send = (senderId: string, createdAt = now): CommandBody => sendTo(senderId, group, { createdAt });
const change = (actorId: string, fields: Partial<Extract<CommandBody, { $case: "updateGroup" }>["value"]>): CommandBody => ({
  $case: "updateGroup",
  value: {
    groupId: group,
    actorId,
    title: undefined,
    avatar: undefined,
    announcement: undefined,
    slowModeS: undefined,
    mutedUntil: undefined,
    join: undefined,
    ...fields,
  },
});
const mute = (actorId: string, userId: string, mutedUntil: number): CommandBody => ({
  $case: "updateMember",
  value: { groupId: group, actorId, userId, role: undefined, mutedUntil },
});
const role = (actorId: string, userId: string, to: string): CommandBody => ({
  $case: "updateMember",
  value: { groupId: group, actorId, userId, role: to, mutedUntil: undefined },
});
const ban = (actorId: string, userId: string, banned = true): CommandBody => ({
  $case: "banMember",
  value: { groupId: group, actorId, userId, banned },
});
const add = (actorId: string, ...members: string[]): CommandBody => addTo(group, actorId, members);
const remove = (actorId: string, userId: string): CommandBody => removeFrom(group, actorId, userId);
const link = (code: string, maxUses = 0, expiresAt = 0): CommandBody => ({
  $case: "setInviteLink",
  value: { groupId: group, actorId: ann, link: code, expiresAt, maxUses },
});
const joining = (userId: string, code: string, expiresAt = now + 1_000): CommandBody => ({
  $case: "joinGroup",
  value: { groupId: group, userId, link: code, message: "please", at: now, expiresAt },
});
const answer = (actorId: string, userId: string, accept: boolean): CommandBody => ({
  $case: "answerJoinRequest",
  value: { groupId: group, actorId, userId, accept },
});

beforeEach(async () => {
  [ann, bob, cat, dot] = (await Promise.all([createUser(), createUser(), createUser(), createUser()])) as [string, string, string, string];
  group = newId("G");
  now += 1_000_000;
  expect(await codes(createGroup(group, ann, [bob, cat]), role(ann, bob, "admin"))).toEqual(["OK", "OK"]);
});

describe("sends", () => {
  test("of the muted become a REJECT at their place in the log", async () => {
    expect(await codes(send(cat), mute(bob, cat, now + 100), send(cat), send(bob), mute(bob, cat, 0), send(cat))).toEqual([
      "OK",
      "OK",
      "MUTED",
      "OK",
      "OK",
      "OK",
    ]);
    expect(await types(cat)).toEqual(["MEMBER", "MEMBER", "C2G", "MEMBER", "REJECT", "C2G", "MEMBER", "C2G"]);
    const { updates } = await fixture.store.updates.difference(cat, 0, 100);
    expect(JSON.parse(updates.find((u) => u.type === "REJECT")?.body ?? "")).toMatchObject({ code: 830, to: group });
    expect((await types(ann)).filter((type) => type === "C2G")).toHaveLength(3);
  });

  test("are judged by when they were accepted, whenever they are applied", async () => {
    await apply(mute(ann, cat, now + 10), change(ann, { slowModeS: 10 }));
    const at = now;
    now += 500_000;
    expect(
      await codes(send(cat, at), send(cat, at + 10), send(cat, at + 9_000), send(cat, at + 10_010), send(bob, at), send(bob, at)),
    ).toEqual(["MUTED", "OK", "SLOW_MODE", "OK", "OK", "OK"]);
    // What slow mode remembers is in the store, and a rejoin does not lose it.
    expect(await codes(remove(cat, cat), add(ann, cat), send(cat, at + 15_000), send(cat, at + 20_010))).toEqual([
      "OK",
      "OK",
      "SLOW_MODE",
      "OK",
    ]);
  });

  test("end with the group; its members stay, and so does what was said", async () => {
    const dissolve = (actorId: string): CommandBody => ({ $case: "dissolveGroup", value: { groupId: group, actorId } });
    expect(await codes(send(cat), dissolve(bob), dissolve(ann), send(ann), dissolve(ann), dissolve(bob), add(ann, dot))).toEqual([
      "OK",
      "FORBIDDEN",
      "OK",
      "GROUP_DISSOLVED",
      "OK",
      "GROUP_DISSOLVED",
      "GROUP_DISSOLVED",
    ]);
    expect(await fixture.store.conversations.members(group)).toHaveLength(3);
    expect((await types(cat)).at(-1)).toBe("GROUP");
    expect(await fixture.store.dialogs.get(cat, group)).toMatchObject({ topSeq: 1 });
    expect(await codes(remove(cat, cat))).toEqual(["OK"]);
  });
});

describe("roles", () => {
  test("go by the table, and a change that changes nothing is told to nobody", async () => {
    const before = (await fixture.store.updates.difference(cat, 0, 0)).pts;
    expect(
      await codes(
        role(bob, cat, "admin"),
        mute(cat, bob, 5),
        mute(bob, ann, 5),
        mute(ann, ann, 5),
        role(ann, dot, "admin"),
        mute(bob, cat, 0),
      ),
    ).toEqual(["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "NOT_FOUND", "OK"]);
    expect(await codes(change(bob, { title: "a group" }), change(cat, { title: "h" }), change(dot, { title: "h" }))).toEqual([
      "OK",
      "FORBIDDEN",
      "NOT_A_MEMBER",
    ]);
    expect((await fixture.store.updates.difference(cat, 0, 0)).pts).toBe(before);
  });

  test("ownership passes on, unmuted, and back", async () => {
    const transfer = (actorId: string, userId: string): CommandBody => ({
      $case: "transferGroup",
      value: { groupId: group, actorId, userId },
    });
    expect(await codes(mute(ann, bob, now + 1_000), transfer(bob, bob), transfer(ann, dot), transfer(ann, bob), send(bob))).toEqual([
      "OK",
      "FORBIDDEN",
      "NOT_FOUND",
      "OK",
      "OK",
    ]);
    expect((await fixture.store.conversations.get([group]))[0]?.ownerId).toBe(bob);
    expect((await fixture.store.conversations.members(group)).map((m) => [m.userId, m.role]).sort()).toEqual(
      [
        [ann, "admin"],
        [bob, "owner"],
        [cat, "member"],
      ].sort(),
    );
  });
});

describe("getting in", () => {
  test("the banned stay out, in the same batch and later, until they are not banned any more", async () => {
    expect(await codes(ban(cat, dot), ban(bob, ann), ban(bob, cat), send(cat), add(ann, cat))).toEqual([
      "FORBIDDEN",
      "FORBIDDEN",
      "OK",
      "NOT_A_MEMBER",
      "BANNED",
    ]);
    await apply(change(ann, { join: "link" }), link("L1"));
    expect(
      await codes(joining(cat, "L1"), add(ann, cat), ban(ann, cat), ban(ann, cat, false), ban(ann, cat, false), joining(cat, "L1")),
    ).toEqual(["BANNED", "BANNED", "OK", "OK", "OK", "OK"]);
    expect(await fixture.store.groups.restrictions([{ conversationId: group, userId: cat }])).toEqual([]);
  });

  test("a link counts its uses, and ends", async () => {
    expect(await codes(link("L2", 1), joining(dot, "L2"))).toEqual(["OK", "LINK_INVALID"]);
    expect(await codes(change(ann, { join: "link" }), joining(dot, "L1"), joining(dot, "L2"), joining(dot, "L2"))).toEqual([
      "OK",
      "LINK_INVALID",
      "OK",
      "OK",
    ]);
    expect(await fixture.store.groups.byLink("L2")).toMatchObject({ conversationId: group, linkUses: 1 });
    const eve = await createUser();
    expect(
      await codes(joining(eve, "L2"), link("L3"), joining(eve, "L3"), remove(ann, dot), link("L4", 0, now), joining(eve, "L4")),
    ).toEqual(["LINK_INVALID", "OK", "GROUP_FULL", "OK", "OK", "LINK_INVALID"]);
  });

  test("a request waits for its answer, is settled once, and expires", async () => {
    await apply(change(ann, { join: "approval" }), link("L5"));
    expect(await codes(joining(dot, "L5"), joining(dot, "L5"), add(cat, dot), answer(cat, dot, true), answer(bob, dot, true))).toEqual([
      "OK",
      "OK",
      "FORBIDDEN",
      "FORBIDDEN",
      "OK",
    ]);
    expect(await types(dot)).toEqual(["JOIN_REQUEST", "JOIN_REQUEST", "MEMBER"]);
    expect((await types(cat)).filter((type) => type === "JOIN_REQUEST")).toEqual([]);
    expect(await codes(answer(bob, dot, true), remove(bob, dot), joining(dot, "L5"))).toEqual(["NOT_FOUND", "OK", "OK"]);
    expect(await fixture.store.groups.countJoinRequests(group, now)).toBe(1);
    now += 1_000;
    expect(await codes(answer(bob, dot, true), joining(dot, "L5"), answer(bob, dot, false))).toEqual(["NOT_FOUND", "OK", "OK"]);
    expect(await fixture.store.groups.countJoinRequests(group, now)).toBe(0);
    // Who was refused does not ask again for a while, and is nobody's to answer.
    expect(await codes(joining(dot, "L5"), answer(bob, dot, true))).toEqual(["JOIN_REFUSED", "NOT_FOUND"]);
    now += JOIN_PAUSE_MS;
    expect(await codes(joining(dot, "L5"), answer(bob, dot, false), change(ann, { join: "link" }), joining(dot, "L5"))).toEqual([
      "OK",
      "OK",
      "OK",
      "OK",
    ]);
  });

  test("so many requests wait and no more, whether they come one by one or at once", async () => {
    await apply(change(ann, { join: "approval" }), link("L6"));
    const waiting = Array.from({ length: groupLimits.joinRequests - 2 }, () => newId("U"));
    await fixture.store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        joinRequests: waiting.map((userId) => ({
          conversationId: group,
          userId,
          message: "",
          requestedAt: now,
          expiresAt: now + 1_000,
          refused: false,
        })),
      }),
    );
    const users = await Promise.all([createUser(), createUser(), createUser()]);
    expect(await codes(...users.map((userId) => joining(userId, "L6")))).toEqual(["OK", "OK", "JOIN_REQUESTS_FULL"]);
    const [first = "", , last = ""] = users;
    expect(await codes(answer(ann, first, false), joining(last, "L6"))).toEqual(["OK", "OK"]);
    expect(await codes(joining(dot, "L6"))).toEqual(["JOIN_REQUESTS_FULL"]);
  });
});

test("commands with wrong ids, roles, times or ways to join are dead letters", () => {
  const wrong: CommandBody[] = [
    change("X", { title: "t" }),
    change(ann, { join: "open" }),
    change(ann, { slowModeS: -1 }),
    role(ann, bob, "owner"),
    mute(ann, bob, -1),
    ban(ann, "G1"),
    joining("U1", "L"),
    answer(ann, "U1", true),
  ];
  for (const body of wrong) expect(decode(body)).toEqual(expect.any(String));
  expect(decode(change(ann, { join: "link" }))).toMatchObject({ body: { $case: "updateGroup" } });
});

const decode = (body: CommandBody): unknown => decodeCommand(group, records.Command.encode(command(body)).finish());
