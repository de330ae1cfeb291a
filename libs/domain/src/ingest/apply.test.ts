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

const edit = (userId: string, { id, conversationId }: Named, text: string): ValidCommand =>
  command({
    $case: "edit",
    value: { id, conversationId, userId, payload: JSON.stringify({ msg_type: "text", text }), editedAt: ++now },
  });
const recall = (userId: string, { id, conversationId }: Named): ValidCommand =>
  command({ $case: "recall", value: { id, conversationId, userId } });
const hide = (userId: string, { id, conversationId }: Named): ValidCommand =>
  command({ $case: "hide", value: { id, conversationId, userId } });
const react = (userId: string, { id, conversationId }: Named, emoji: string, on = true): ValidCommand =>
  command({ $case: "react", value: { id, conversationId, userId, emoji, on } });
const pin = (userId: string, { id, conversationId }: Named, on = true): ValidCommand =>
  command({ $case: "pin", value: { id, conversationId, userId, on } });

interface Named {
  readonly id: string;
  readonly conversationId: string;
}
/** The message that a command sends. */
const messageIn = ({ body }: ValidCommand): Named => {
  if (body.$case !== "send") throw new Error("no send");
  return body.value;
};
const stored = async ({ id }: Named) => (await store.messages.get([id]))[0];

/** Applies commands as one batch. */
const apply = (...commands: ValidCommand[]): Promise<Effects> =>
  store.ingest.transaction(async (tx) => {
    const { changes, effects } = await applyCommands(
      tx,
      commands,
      { groupMembersMax: MEMBERS_MAX, supergroupMembersMax: MEMBERS_MAX },
      clock,
    );
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
    expect((await store.dialogs.list(ann, undefined, 10)).dialogs).toEqual([]);
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

describe("changes of messages", () => {
  test("an edit is shown to everybody, keeps what stood there, and is the sender's alone", async () => {
    const group = newId("G");
    const first = send(bob, group);
    const message = messageIn(first);
    await apply(createGroup(group, ann, [bob, cat]), first);
    const effects = await apply(
      edit(bob, message, "two"),
      edit(bob, message, "two"),
      edit(ann, message, "no"),
      edit(bob, { id: "5", conversationId: group }, "no"),
      edit(newId("U"), message, "no"),
      edit(bob, message, "three"),
    );
    expect(codes(effects)).toEqual(["OK", "OK", "FORBIDDEN", "NOT_FOUND", "NOT_A_MEMBER", "OK"]);
    expect(await stored(message)).toMatchObject({
      seq: 1,
      edits: 2,
      editedAt: expect.any(Number),
      payload: '{"msg_type":"text","text":"three"}',
    });
    expect((await store.annotations.edits(message.id)).map((e) => [e.no, JSON.parse(e.payload).text])).toEqual([
      [1, "hi"],
      [2, "two"],
    ]);
    for (const userId of [ann, bob, cat]) expect(await types(userId)).toEqual(["MEMBER", "C2G", "EDIT", "EDIT"]);
    expect((await store.updates.difference(cat, 2, 1)).updates[0]?.message?.id).toBe(message.id);
    await apply(recall(bob, message));
    expect(codes(await apply(edit(bob, message, "no")))).toEqual(["MESSAGE_RECALLED"]);
    expect(await store.annotations.edits(message.id)).toEqual([]);
  });

  test("a recall takes what was said from everybody; members recall their own, owner and admins all", async () => {
    const group = newId("G");
    const [first, second] = [send(ann, group, { mentions: [bob] }), send(cat, group)] as const;
    await apply(createGroup(group, ann, [bob, cat]), first, second, pin(ann, messageIn(first)), react(bob, messageIn(first), "👍"));
    expect(codes(await apply(recall(bob, messageIn(first)), recall(ann, messageIn(first)), recall(ann, messageIn(first))))).toEqual([
      "FORBIDDEN",
      "OK",
      "OK",
    ]);
    expect(await stored(messageIn(first))).toMatchObject({
      payload: '{"msg_type":"recalled"}',
      mentions: null,
      recalledAt: expect.any(Number),
    });
    expect(await store.dialogs.get(bob, group)).toMatchObject({ unread: 1, unreadMentions: 0 });
    expect(await store.annotations.pinned(group)).toEqual([]);
    expect(await store.annotations.reactions([messageIn(first).id], bob)).toEqual([]);
    const told = (await store.updates.difference(bob, 0, 100)).updates.filter((update) => update.type === "RECALL");
    expect(told.map((update) => JSON.parse(update.body ?? ""))).toMatchObject([{ seq: 1, by: ann, unread: 1, unread_mentions: 0 }]);
    // Cat had read nothing of it either; ann, whose own it was, has no count to learn.
    const owners = (await store.updates.difference(ann, 0, 100)).updates.filter((update) => update.type === "RECALL");
    expect(JSON.parse(owners[0]?.body ?? "")).not.toHaveProperty("unread");
    await apply(recall(ann, messageIn(second)));
    expect(await store.dialogs.get(bob, group)).toMatchObject({ unread: 0 });
  });

  test("a 1:1 message is recalled by its sender only; sent, read and recalled in one batch counts as one after the other", async () => {
    const [one, two] = [send(ann, bob), send(ann, bob)] as const;
    expect(codes(await apply(one, two, recall(bob, messageIn(one)), read(bob, ann, 1), recall(ann, messageIn(two))))).toEqual([
      "OK",
      "OK",
      "FORBIDDEN",
      "OK",
      "OK",
    ]);
    expect(await store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 1, unread: 0, topSeq: 2 });
    expect(await stored(messageIn(two))).toMatchObject({ payload: '{"msg_type":"recalled"}' });
  });

  test("deleted for oneself: gone and uncounted for that user, told to no other", async () => {
    const sent = send(ann, bob);
    await apply(sent, send(ann, bob));
    const [anns, bobs] = [await types(ann), await types(bob)];
    expect(codes(await apply(hide(bob, messageIn(sent)), hide(bob, messageIn(sent)), hide(cat, messageIn(sent))))).toEqual([
      "OK",
      "OK",
      "NOT_FOUND",
    ]);
    expect(await types(ann)).toEqual(anns);
    expect(await types(bob)).toEqual([...bobs, "DELETE"]);
    expect(await store.dialogs.get(bob, ann)).toMatchObject({ unread: 1 });
    // A recall does not count it off a second time.
    await apply(recall(ann, messageIn(sent)));
    expect(await store.dialogs.get(bob, ann)).toMatchObject({ unread: 1 });
    expect(await store.messages.history({ conversationId: conversationIdOf(ann, bob), limit: 9, viewer: bob })).toHaveLength(1);
  });

  test("unread is counted right whatever of it changes in the batch that reads", async () => {
    const sends = Array.from({ length: 4 }, () => send(ann, bob));
    await apply(...sends);
    const messages = sends.map(messageIn) as [Named, Named, Named, Named];
    await apply(recall(ann, messages[1]), hide(bob, messages[2]), read(bob, ann, 1));
    expect(await store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 1, unread: 1 });
    const fifth = send(ann, bob);
    await apply(fifth, hide(bob, messageIn(fifth)), read(bob, ann, 2));
    expect(await store.dialogs.get(bob, ann)).toMatchObject({ readSeq: 2, unread: 1 });
    await apply(recall(ann, messages[2]), recall(ann, messageIn(fifth)), recall(ann, messages[0]));
    expect(await store.dialogs.get(bob, ann)).toMatchObject({ unread: 1 });
    expect(await store.dialogs.recountUnread(bob, ann)).toBe(1);
  });

  test("reactions are counted once a user, and bounded", async () => {
    const group = newId("G");
    const sent = send(ann, group);
    const message = messageIn(sent);
    await apply(createGroup(group, ann, [bob, cat]), sent);
    await apply(react(bob, message, "👍"), react(bob, message, "👍"), react(cat, message, "👍"));
    await apply(react(bob, message, "👍", false), react(bob, message, "❤️"), react(ann, message, "🎉", false));
    expect(await store.annotations.reactions([message.id], cat)).toMatchObject([
      { emoji: "👍", count: 1, mine: true },
      { emoji: "❤️", count: 1, mine: false },
    ]);
    expect((await types(ann)).filter((type) => type === "REACTION")).toHaveLength(4);
    const faces = Array.from({ length: 20 }, (_, i) => String.fromCodePoint(0x1f600 + i));
    const outcome = codes(await apply(...faces.map((emoji) => react(bob, message, emoji))));
    expect(outcome).toEqual([...Array.from({ length: 18 }, () => "OK"), "REACTIONS_FULL", "REACTIONS_FULL"]);
    // One that is there already takes no place.
    expect(codes(await apply(react(ann, message, "👍")))).toEqual(["OK"]);
  });

  test("pins are for owner and admins of a group, and for both of two", async () => {
    const group = newId("G");
    const sends = Array.from({ length: 51 }, () => send(bob, group));
    await apply(createGroup(group, ann, [bob]), ...sends);
    const messages = sends.map(messageIn) as [Named, ...Named[]];
    expect(codes(await apply(pin(bob, messages[0]), ...messages.map((m) => pin(ann, m))))).toEqual([
      "FORBIDDEN",
      ...Array.from({ length: 50 }, () => "OK"),
      "PINS_FULL",
    ]);
    expect(codes(await apply(pin(ann, messages[0], false), pin(ann, messages[0], false), pin(ann, messages[50] as Named)))).toEqual([
      "OK",
      "OK",
      "OK",
    ]);
    expect(await store.annotations.pinned(group)).toHaveLength(50);
    const own = send(ann, bob);
    await apply(own);
    expect(codes(await apply(pin(bob, messageIn(own))))).toEqual(["OK"]);
  });

  test("who joins later can do nothing with what was before", async () => {
    const group = newId("G");
    const sent = send(ann, group);
    await apply(createGroup(group, ann, [bob]), sent, add(group, ann, [cat]));
    const m = messageIn(sent);
    const before = await types(cat);
    expect(codes(await apply(react(cat, m, "👍"), hide(cat, m), react(bob, m, "👍"), edit(ann, m, "x")))).toEqual([
      "NOT_FOUND",
      "NOT_FOUND",
      "OK",
      "OK",
    ]);
    expect(await types(cat)).toEqual(before);
  });

  test("everybody is mentioned by owner and admins only; who is no member is not mentioned", async () => {
    const group = newId("G");
    await apply(createGroup(group, ann, [bob]));
    expect(codes(await apply(send(bob, group, { mentions: ["@all"] }), send(bob, group, { mentions: [cat, ann] })))).toEqual([
      "MENTION_ALL_FORBIDDEN",
      "OK",
    ]);
    expect(await types(bob)).toEqual(["MEMBER", "REJECT", "C2G"]);
    const [message] = await store.messages.history({ conversationId: group, limit: 1 });
    expect(message?.mentions).toBe(JSON.stringify([ann]));
  });

  test("the authors of what is read in a group are told, once a batch", async () => {
    const group = newId("G");
    const dan = await createUser();
    await apply(createGroup(group, ann, [bob, cat, dan]), send(ann, group), send(bob, group), send(ann, group));
    const receipts = async (userId: string) =>
      (await store.updates.difference(userId, 0, 100)).updates
        .filter((update) => update.type === "READ")
        .map((update) => JSON.parse(update.body ?? ""))
        .filter((body) => body.readers !== undefined);
    await apply(read(cat, group, 1), read(cat, group, 3), read(dan, group, 1));
    expect(await receipts(ann)).toMatchObject([
      {
        peer: group,
        readers: [
          { user_id: cat, read_seq: 3 },
          { user_id: dan, read_seq: 1 },
        ],
      },
    ]);
    expect(await receipts(bob)).toMatchObject([{ readers: [{ user_id: cat, read_seq: 3 }] }]);
    expect(await receipts(cat)).toEqual([]);
    await apply(read(dan, group, 2));
    expect(await receipts(ann)).toHaveLength(1);
    expect((await receipts(bob))[1]).toMatchObject({ readers: [{ user_id: dan, read_seq: 2 }] });
  });
});

test("after any history unread is what a recomputation gives, and every log is without gaps", async () => {
  const users = [ann, bob, cat];
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
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom("recall" as const, "hide" as const, "hide" as const, "edit" as const),
        a: user,
        // Which of the messages sent so far, counted from the newest.
        back: fc.integer({ min: 0, max: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("add" as const), a: user, b: user }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), a: user, b: user }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 8 }), async (batches) => {
      const group = newId("G");
      const at = (n: number): string => users[n] as string;
      await apply(createGroup(group, ann, [bob, cat]));
      const sent: { sender: string; message: Named }[] = [];
      for (const batch of batches) {
        const commands = batch.flatMap((s): ValidCommand[] => {
          if ("back" in s) {
            const last = sent[sent.length - 1 - s.back];
            if (!last) return [];
            if (s.kind === "hide") return [hide(at(s.a), last.message)];
            return [s.kind === "recall" ? recall(last.sender, last.message) : edit(last.sender, last.message, "another")];
          }
          if (s.kind === "add") return [add(group, at(s.a), [at(s.b)])];
          if (s.kind === "remove") return [remove(group, at(s.a), at(s.b))];
          const peer = s.group ? group : at(s.b);
          if (peer === at(s.a)) return [];
          if (s.kind === "read") return [read(at(s.a), peer, s.seq)];
          const mentions = s.group && s.b % 2 === 1 ? [at(s.b)] : [];
          const one = send(at(s.a), peer, { mentions });
          sent.push({ sender: at(s.a), message: messageIn(one) });
          return [one];
        });
        await apply(...commands);
      }
      for (const userId of users) {
        for (const dialog of (await store.dialogs.list(userId, undefined, 100)).dialogs) {
          const left = dialog.kind === "group" && (await store.conversations.memberships(userId, [dialog.peer])).length === 0;
          // The dialog of who has left stays where it was; what came later is not for that user.
          if (left) continue;
          expect([dialog.peer, dialog.unread]).toEqual([dialog.peer, await store.dialogs.recountUnread(userId, dialog.peer)]);
          const counted = await store.ingest.transaction((tx) =>
            tx.countUnread(dialog.conversationId, userId, dialog.readSeq, dialog.topSeq),
          );
          expect(counted).toEqual({ unread: dialog.unread, mentions: dialog.unreadMentions });
        }
        const { pts } = await store.updates.difference(userId, 0, 0);
        const { updates } = await store.updates.difference(userId, Math.max(0, pts - 100), 200);
        expect(updates.map((update) => update.pts)).toEqual(updates.map((_, i) => pts - updates.length + 1 + i));
      }
    }),
    { numRuns: 100 },
  );
});
