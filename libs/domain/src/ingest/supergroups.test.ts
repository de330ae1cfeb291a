import { noChanges } from "@dunlin/engines/store";
import { beforeEach, describe, expect, test } from "vitest";
import { groupLimits } from "../group-rules.js";
import { newId } from "../ids.js";
import { IngestFixture, send as sendTo, T0 } from "./fixture.js";
import type { CommandBody } from "./rule.js";

let now = T0;
const fixture = new IngestFixture({ membersMax: 5, clock: { now: () => now } });
const { apply, codes, createUser, types } = fixture;
let ann: string;
let bob: string;
let cat: string;
let dot: string;
let id: string;

const send = (senderId: string): CommandBody => sendTo(senderId, id, { createdAt: now });
const change = (actorId: string, fields: Partial<Extract<CommandBody, { $case: "updateGroup" }>["value"]>): CommandBody => ({
  $case: "updateGroup",
  value: {
    groupId: id,
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
const member = (actorId: string, userId: string, to: { role?: string; mutedUntil?: number }): CommandBody => ({
  $case: "updateMember",
  value: { groupId: id, actorId, userId, role: to.role, mutedUntil: to.mutedUntil },
});
const ban = (actorId: string, userId: string, banned = true): CommandBody => ({
  $case: "banMember",
  value: { groupId: id, actorId, userId, banned },
});
const join = (actorId: string, ...members: string[]): CommandBody => ({
  $case: "joinSupergroup",
  value: { supergroupId: id, actorId, members: members.length > 0 ? members : [actorId] },
});
const leave = (actorId: string, userId = actorId): CommandBody => ({
  $case: "leaveSupergroup",
  value: { supergroupId: id, actorId, userId },
});
const transfer = (actorId: string, userId: string): CommandBody => ({ $case: "transferGroup", value: { groupId: id, actorId, userId } });
const dissolve = (actorId: string): CommandBody => ({ $case: "dissolveGroup", value: { groupId: id, actorId } });
const link = (code: string): CommandBody => ({
  $case: "setInviteLink",
  value: { groupId: id, actorId: ann, link: code, expiresAt: 0, maxUses: 0 },
});
const joining = (userId: string, code: string): CommandBody => ({
  $case: "joinGroup",
  value: { groupId: id, userId, link: code, message: "please", at: now, expiresAt: now + 1_000 },
});
const answer = (actorId: string, userId: string, accept: boolean): CommandBody => ({
  $case: "answerJoinRequest",
  value: { groupId: id, actorId, userId, accept },
});

const row = async () => (await fixture.store.conversations.get([id]))[0];
const memberCount = async () => (await row())?.supergroup?.memberCount;
const roles = async () => (await fixture.store.supergroups.members(id, "", 10)).map((m) => `${m.userId} ${m.role}`);
/** Types and actions of the log behind a seq. */
const log = async (seq = 0) =>
  (await fixture.store.supergroups.log(id, seq, 100)).entries.map((entry) =>
    entry.message ? "C2S" : `${entry.type} ${(JSON.parse(entry.body) as { action: string }).action}`,
  );

beforeEach(async () => {
  [ann, bob, cat, dot] = (await Promise.all([createUser(), createUser(), createUser(), createUser()])) as [string, string, string, string];
  id = newId("C");
  now += 1_000_000;
  const create: CommandBody = {
    $case: "createSupergroup",
    value: { supergroupId: id, ownerId: ann, title: "flock", avatar: "", members: [bob, cat], createdAt: now },
  };
  expect(await codes(create, member(ann, bob, { role: "admin" }))).toEqual(["OK", "OK"]);
});

describe("a supergroup", () => {
  test("is governed by role; every decision is one entry of its log and nobody's own", async () => {
    const logs = await Promise.all([ann, bob, cat].map(types));
    expect(
      await codes(
        change(cat, { title: "mine" }),
        change(bob, { title: "Flock", slowModeS: 3 }),
        change(bob, { title: "Flock" }),
        member(cat, bob, { mutedUntil: now + 9 }),
        member(bob, cat, { role: "admin" }),
        member(bob, ann, { mutedUntil: now + 9 }),
        member(bob, cat, { mutedUntil: now + 9 }),
        member(ann, dot, { role: "admin" }),
        transfer(bob, bob),
        transfer(ann, dot),
        transfer(ann, bob),
        dissolve(ann),
        dissolve(bob),
        dissolve(bob),
        change(bob, { title: "again" }),
        join(dot),
        leave(bob, cat),
        send(bob),
      ),
    ).toEqual([
      "FORBIDDEN",
      "OK",
      "OK",
      "FORBIDDEN",
      "FORBIDDEN",
      "FORBIDDEN",
      "OK",
      "NOT_FOUND",
      "FORBIDDEN",
      "NOT_FOUND",
      "OK",
      "FORBIDDEN",
      "OK",
      "OK",
      "GROUP_DISSOLVED",
      "GROUP_DISSOLVED",
      "GROUP_DISSOLVED",
      "GROUP_DISSOLVED",
    ]);
    expect(await log()).toEqual([
      "MEMBER created",
      "MEMBER changed",
      "GROUP changed",
      "MEMBER changed",
      "MEMBER transferred",
      "GROUP dissolved",
    ]);
    expect(await row()).toMatchObject({ title: "Flock", ownerId: bob, lastSeq: 6, supergroup: { memberCount: 3 } });
    expect(await roles()).toEqual([`${ann} admin`, `${bob} owner`, `${cat} member`].sort());
    expect(await Promise.all([ann, cat].map(types))).toEqual([logs[0], logs[2]]);
    // Only what is one's own is in one's own log.
    expect((await types(bob)).slice(logs[1]?.length)).toEqual(["REJECT"]);
    expect(await fixture.store.groups.settings([id])).toMatchObject([{ slowModeS: 3, dissolvedAt: now, link: "" }]);
  });

  test("judges sends by mute and slow mode as of their place in the log", async () => {
    expect(await codes(member(bob, cat, { mutedUntil: now + 9 }), send(cat), send(bob))).toEqual(["OK", "MUTED", "OK"]);
    now += 10;
    expect(await codes(change(ann, { mutedUntil: now + 9 }), send(cat), send(bob))).toEqual(["OK", "GROUP_MUTED", "OK"]);
    now += 10;
    expect(await codes(change(ann, { slowModeS: 60 }), send(cat), send(cat), send(bob), send(bob))).toEqual([
      "OK",
      "OK",
      "SLOW_MODE",
      "OK",
      "OK",
    ]);
    // Going out and coming back does not shorten the pause.
    expect(await codes(leave(cat), join(cat), send(cat))).toEqual(["OK", "OK", "SLOW_MODE"]);
    now += 61_000;
    expect(await codes(send(cat))).toEqual(["OK"]);
  });

  test("keeps out who is banned, counts its members, and shows who goes what there was until then", async () => {
    await apply(send(bob), send(ann));
    const before = await row();
    expect(
      await codes(ban(cat, dot), ban(bob, ann), ban(bob, cat), send(cat), join(cat), join(ann, cat), ban(bob, dot), join(dot)),
    ).toEqual(["FORBIDDEN", "FORBIDDEN", "OK", "NOT_A_MEMBER", "BANNED", "BANNED", "OK", "BANNED"]);
    expect(await memberCount()).toBe(2);
    expect((await fixture.store.groups.bans(id, "", 9)).map((r) => r.userId).sort()).toEqual([cat, dot].sort());
    expect(await fixture.store.dialogs.get(cat, id)).toMatchObject({ leftSeq: before?.lastSeq, unread: 2 });
    // That somebody from outside is banned only the leaders learn.
    expect(await log(before?.lastSeq)).toEqual(["MEMBER banned"]);
    expect((await types(ann)).at(-1)).toBe("MEMBER");
    expect(await codes(ban(ann, cat, false), join(bob, cat, dot), ban(ann, dot, false), join(bob, cat, dot))).toEqual([
      "OK",
      "BANNED",
      "OK",
      "OK",
    ]);
    expect(await memberCount()).toBe(4);
    const [eve, fay] = await Promise.all([createUser(), createUser()]);
    expect(await codes(join(eve), join(fay), leave(bob, cat), leave(bob, ann), join(fay))).toEqual([
      "OK",
      "GROUP_FULL",
      "OK",
      "FORBIDDEN",
      "OK",
    ]);
    expect(await memberCount()).toBe(5);
  });

  test("lets in by id, by link or by approval, as it says", async () => {
    await apply(link("S1"), change(ann, { join: "invite" }));
    expect(await codes(join(dot), joining(dot, "S1"), join(cat, dot), leave(dot))).toEqual(["NOT_FOUND", "LINK_INVALID", "OK", "OK"]);
    expect(await codes(change(ann, { join: "link" }), join(dot), joining(dot, "S1"), leave(dot))).toEqual(["OK", "NOT_FOUND", "OK", "OK"]);
    expect(
      await codes(
        change(ann, { join: "approval" }),
        join(dot),
        join(cat, dot),
        joining(dot, "S1"),
        answer(cat, dot, true),
        answer(bob, dot, true),
      ),
    ).toEqual(["OK", "NOT_FOUND", "FORBIDDEN", "OK", "FORBIDDEN", "OK"]);
    expect(await memberCount()).toBe(4);
    expect((await types(bob)).filter((type) => type === "JOIN_REQUEST")).toHaveLength(2);
    expect((await types(cat)).filter((type) => type === "JOIN_REQUEST")).toHaveLength(0);
    expect((await types(dot)).slice(-3)).toEqual(["JOIN_REQUEST", "JOIN_REQUEST", "MEMBER"]);
    expect((await log()).at(-1)).toBe("MEMBER joined");
  });

  test("is not left by its owner, unless alone or at its end", async () => {
    expect(await codes(leave(ann), leave(bob), leave(cat), leave(ann), leave(ann), join(dot))).toEqual([
      "OWNER_STAYS",
      "OK",
      "OK",
      "OK",
      "OK",
      "GROUP_DISSOLVED",
    ]);
    expect(await row()).toMatchObject({ ownerId: "", supergroup: { memberCount: 0 } });
  });

  test("has a limit of admins, found without a look at all members", async () => {
    const admins = Array.from({ length: groupLimits.supergroupAdmins - 2 }, () => newId("U"));
    await fixture.store.ingest.transaction((tx) =>
      tx.write({
        ...noChanges,
        membersAdded: admins.map((userId) => ({
          conversationId: id,
          userId,
          role: "admin",
          joinedSeq: 0,
          joinedAt: 1,
          mutedUntil: 0,
          lastSentAt: 0,
        })),
      }),
    );
    await apply(join(dot));
    expect(await codes(member(ann, cat, { role: "admin" }), member(ann, dot, { role: "admin" }))).toEqual(["OK", "ADMINS_FULL"]);
    expect(await codes(member(ann, cat, { role: "member" }), member(ann, dot, { role: "admin" }))).toEqual(["OK", "OK"]);
  });
});
