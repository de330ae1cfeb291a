import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostOptions, openHost } from "@dunlin/engines/host";
import type { Store } from "@dunlin/engines/store";
import { SCHEMA_VERSION } from "@dunlin/proto";
import { createLogger, loadConfig } from "@dunlin/runtime";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { conversationIdOf, newId, systemConversationOf } from "../ids.js";
import { applyCommands } from "./apply.js";
import type { ValidCommand } from "./decode.js";
import type { Effects } from "./draft.js";
import type { CommandBody } from "./rule.js";

const MEMBERS_MAX = 5;
let store: Store;
let dir: string;
let close: () => Promise<void>;
let nextId = 7_000_000_000_000_000_000n;
let now = 1_790_000_000_000;
const clock = { now: () => ++now };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dunlin-apply-"));
  const host = await openHost({
    service: "test",
    config: loadConfig(hostOptions, { IM_DATA_DIR: dir }),
    needs: ["store"],
    logger: createLogger({ service: "test", level: "silent" }),
  });
  store = host.engines.store;
  close = () => host.close();
  await store.migrate();
});

afterAll(async () => {
  await close();
  await rm(dir, { recursive: true });
});

let ann: string;
let bob: string;
let cat: string;

const createUser = async (): Promise<string> => {
  const id = newId("U");
  await store.users.create({ id, account: id, passwordHash: "-", nickname: "", avatar: "", createdAt: 1 });
  return id;
};

beforeEach(async () => {
  ann = await createUser();
  bob = await createUser();
  cat = await createUser();
});

const command = (body: CommandBody): ValidCommand => ({
  version: SCHEMA_VERSION,
  commandId: String(nextId++),
  requestId: "",
  acceptedAt: 1,
  replySlot: 1,
  body,
});

interface SendChange {
  clientMsgId?: string;
  mentions?: string[];
}

const send = (senderId: string, to: string, change: SendChange = {}): ValidCommand => {
  const id = String(nextId++);
  return command({
    $case: "send",
    value: {
      id,
      conversationId: conversationIdOf(senderId, to),
      senderId,
      to,
      clientMsgId: change.clientMsgId ?? id,
      payload: '{"msg_type":"text","text":"hi"}',
      createdAt: now,
      mentions: change.mentions ?? [],
      replyTo: undefined,
      push: undefined,
      bodyHash: Buffer.alloc(32),
      deviceId: "",
    },
  });
};

const read = (userId: string, peer: string, seq: number): ValidCommand =>
  command({ $case: "read", value: { userId, peer, conversationId: conversationIdOf(userId, peer), seq } });
const createGroup = (groupId: string, ownerId: string, members: string[]): ValidCommand =>
  command({ $case: "createGroup", value: { groupId, ownerId, title: "a group", avatar: "", members, createdAt: now } });
const add = (groupId: string, actorId: string, members: string[]): ValidCommand =>
  command({ $case: "addMembers", value: { groupId, actorId, members } });
const remove = (groupId: string, actorId: string, userId: string): ValidCommand =>
  command({ $case: "removeMember", value: { groupId, actorId, userId } });

/** Applies commands as one batch. */
const apply = (...commands: ValidCommand[]): Promise<Effects> =>
  store.ingest.transaction(async (tx) => {
    const { changes, effects } = await applyCommands(tx, commands, { groupMembersMax: MEMBERS_MAX }, clock);
    tx.write({ ...changes, offsets: [] });
    return effects;
  });

const codes = (effects: Effects): string[] => effects.outcomes.map((outcome) => outcome.code);
const types = async (userId: string): Promise<string[]> => (await store.updates.difference(userId, 0, 100)).updates.map((u) => u.type);

describe("messages", () => {
  test("get seq and pts without gaps, in one batch or in several", async () => {
    await apply(send(ann, bob), send(bob, ann), send(ann, cat));
    const effects = await apply(send(ann, bob));
    expect(effects.deliveries).toMatchObject([
      {
        type: "C2C",
        targets: [
          { userId: ann, pts: 4 },
          { userId: bob, pts: 3 },
        ],
      },
    ]);
    const history = await store.messages.history({ conversationId: conversationIdOf(ann, bob), afterSeq: 0, limit: 10 });
    expect(history.map((message) => message.seq)).toEqual([1, 2, 3]);
    expect((await store.updates.difference(ann, 0, 10)).updates.map((update) => update.pts)).toEqual([1, 2, 3, 4]);
  });

  test("sent twice are stored once, in one batch and in two", async () => {
    const effects = await apply(send(ann, bob, { clientMsgId: "x" }), send(ann, bob, { clientMsgId: "x" }));
    expect([effects.stored, codes(effects)]).toEqual([1, ["OK", "OK"]]);
    expect((await apply(send(ann, bob, { clientMsgId: "x" }))).stored).toBe(0);
    expect((await store.updates.difference(bob, 0, 0)).pts).toBe(1);
    expect((await apply(send(bob, ann, { clientMsgId: "x" }))).stored).toBe(1);
  });

  test("to nobody are told to the sender and kept as dead letters", async () => {
    const effects = await apply(send(ann, newId("U")), send(ann, newId("G")), send(ann, bob));
    expect(codes(effects)).toEqual(["PEER_NOT_FOUND", "PEER_NOT_FOUND", "OK"]);
    expect(effects.dead.map(({ index }) => index)).toEqual([0, 1]);
    expect(await types(ann)).toEqual(["REJECT", "REJECT", "C2C"]);
  });

  test("of somebody unknown change nothing", async () => {
    const effects = await apply(send(newId("U"), bob));
    expect([effects.stored, effects.dead.length, effects.deliveries.length]).toEqual([0, 1, 0]);
    expect((await store.updates.difference(bob, 0, 0)).pts).toBe(0);
  });

  test("of one who has left the group are rejected at their place in the log", async () => {
    const group = newId("G");
    const effects = await apply(
      createGroup(group, ann, [bob, cat]),
      send(bob, group),
      remove(group, bob, bob),
      send(bob, group),
      send(ann, group),
    );
    expect(codes(effects)).toEqual(["OK", "OK", "OK", "NOT_A_MEMBER", "OK"]);
    expect(await types(bob)).toEqual(["MEMBER", "C2G", "MEMBER", "REJECT"]);
    expect(await types(cat)).toEqual(["MEMBER", "C2G", "MEMBER", "C2G"]);
  });

  test("from the system have their own numbering and no dialog", async () => {
    const notify = (clientMsgId: string): ValidCommand =>
      command({
        $case: "notify",
        value: {
          id: String(nextId++),
          conversationId: systemConversationOf(ann),
          userId: ann,
          clientMsgId,
          payload: "{}",
          createdAt: 1,
          bodyHash: Buffer.alloc(32),
        },
      });
    await apply(notify("a"), notify("b"), notify("a"));
    expect(await types(ann)).toEqual(["S2C", "S2C"]);
    expect(await store.dialogs.list(ann, undefined, 10)).toEqual([]);
  });
});

describe("groups", () => {
  test("again with the same id is the same group; too many and unknown members are refused", async () => {
    const group = newId("G");
    expect(codes(await apply(createGroup(group, ann, [bob]), createGroup(group, ann, [bob]), createGroup(group, bob, [])))).toEqual([
      "OK",
      "OK",
      "CONFLICT",
    ]);
    expect(codes(await apply(createGroup(newId("G"), ann, [newId("U")])))).toEqual(["PEER_NOT_FOUND"]);
    const many = await Promise.all(Array.from({ length: MEMBERS_MAX }, createUser));
    expect(codes(await apply(createGroup(newId("G"), ann, many), add(group, ann, many)))).toEqual(["GROUP_FULL", "GROUP_FULL"]);
  });

  test("members add, only owner and admins remove, and an owner who leaves has an heir", async () => {
    const group = newId("G");
    await apply(createGroup(group, ann, [bob]));
    expect(codes(await apply(add(group, cat, [cat])))).toEqual(["NOT_A_MEMBER"]);
    expect(codes(await apply(add(group, bob, [cat]), remove(group, cat, bob), remove(group, ann, ann), remove(group, bob, cat)))).toEqual([
      "OK",
      "FORBIDDEN",
      "OK",
      "OK",
    ]);
    expect((await store.conversations.get([group]))[0]?.ownerId).toBe(bob);
    expect(await store.conversations.members(group)).toMatchObject([{ userId: bob, role: "owner" }]);
    expect(codes(await apply(remove(group, bob, bob), remove(group, bob, bob)))).toEqual(["OK", "OK"]);
    expect(await store.conversations.members(group)).toEqual([]);
  });

  test("who joins has read what was before, and again after leaving", async () => {
    const group = newId("G");
    await apply(createGroup(group, ann, [bob]), send(ann, group), add(group, ann, [cat]), send(ann, group));
    expect(await store.dialogs.get(cat, group)).toMatchObject({ readSeq: 1, topSeq: 2, unread: 1 });
    await apply(remove(group, ann, cat), send(ann, group), add(group, ann, [cat]));
    expect(await store.dialogs.get(cat, group)).toMatchObject({ readSeq: 3, topSeq: 3, unread: 0 });
    expect(await store.conversations.memberships(cat, [group])).toMatchObject([{ joinedSeq: 3 }]);
  });
});

describe("reading", () => {
  test("moves forward, never back, and is told to the peer", async () => {
    await apply(send(ann, bob), send(ann, bob), send(ann, bob), send(bob, ann));
    await apply(read(bob, ann, 2));
    expect(await store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 2, unread: 1 });
    await apply(read(bob, ann, 1), read(bob, ann, 999));
    expect(await store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 4, unread: 0 });
    expect((await types(ann)).filter((type) => type === "READ")).toHaveLength(2);
    expect(codes(await apply(read(bob, cat, 1)))).toEqual(["NOT_FOUND"]);
  });

  test("counts what came in the same batch, mentions too", async () => {
    const group = newId("G");
    await apply(createGroup(group, ann, [bob]), send(ann, group, { mentions: [bob] }));
    await apply(send(ann, group, { mentions: ["@all"] }), read(bob, group, 1), send(ann, group), send(bob, group));
    expect(await store.dialogs.get(bob, group)).toMatchObject({ readSeq: 1, topSeq: 4, unread: 2, unreadMentions: 1 });
    await apply(read(bob, group, 2));
    expect(await store.dialogs.get(bob, group)).toMatchObject({ readSeq: 2, unread: 1, unreadMentions: 0 });
  });
});

test("after any history unread is what a recomputation gives, and every log is without gaps", async () => {
  const users = [ann, bob, cat, await createUser()];
  const user = fc.integer({ min: 0, max: users.length - 1 });
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("send" as const), a: user, b: user, group: fc.boolean() }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("read" as const),
        a: user,
        b: user,
        group: fc.boolean(),
        seq: fc.integer({ min: 0, max: 12 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("add" as const), a: user, b: user }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), a: user, b: user }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 8 }), async (batches) => {
      const group = newId("G");
      const at = (n: number): string => users[n] as string;
      await apply(createGroup(group, ann, [bob, cat]));
      for (const batch of batches) {
        const commands = batch.flatMap((s): ValidCommand[] => {
          if (s.kind === "add") return [add(group, at(s.a), [at(s.b)])];
          if (s.kind === "remove") return [remove(group, at(s.a), at(s.b))];
          const peer = s.group ? group : at(s.b);
          if (peer === at(s.a)) return [];
          return [s.kind === "send" ? send(at(s.a), peer) : read(at(s.a), peer, s.seq)];
        });
        await apply(...commands);
      }
      for (const userId of users) {
        for (const dialog of await store.dialogs.list(userId, undefined, 100)) {
          const left = dialog.kind === "group" && (await store.conversations.memberships(userId, [dialog.peer])).length === 0;
          // The dialog of who has left stays where it was; what came later is not for that user.
          if (!left) expect([dialog.peer, dialog.unread]).toEqual([dialog.peer, await store.dialogs.recountUnread(userId, dialog.peer)]);
        }
        const { pts } = await store.updates.difference(userId, 0, 0);
        const { updates } = await store.updates.difference(userId, Math.max(0, pts - 100), 200);
        expect(updates.map((update) => update.pts)).toEqual(updates.map((_, i) => pts - updates.length + 1 + i));
      }
    }),
    { numRuns: 60 },
  );
});
