import { createBrokerService } from "@dunlin/broker";
import { conversationIdOf, newId } from "@dunlin/domain";
import type { Queue, QueueRecord } from "@dunlin/engines/queue";
import { noChanges } from "@dunlin/engines/store";
import { COMMANDS, deadTopic, deliveriesTopic, PUSHES, queue as records, SCHEMA_VERSION } from "@dunlin/proto";
import { AppError, type Service } from "@dunlin/runtime";
import { describe, expect, test } from "vitest";
import { atEnd, openEmbedded } from "../support/embedded-host.js";
import { eventually } from "../support/eventually.js";

const PARTITIONS = 4;
const WAIT_MS = 20_000;
let nextId = 8_000_000_000_000_000_000n;

const openSystem = async (env: Record<string, string> = {}) => {
  const { host, logged } = await openEmbedded({}, ["registry", "cache", "store", "queue"], {
    IM_QUEUE_PARTITIONS: String(PARTITIONS),
    ...env,
  });
  const { queue, store, cache, registry } = host.engines;
  const start = async (through: Queue = queue): Promise<Service> => {
    const service = createBrokerService({
      ingest: {
        ...host,
        queue: through,
        store,
        cache,
        registry,
        rules: { groupMembersMax: 20, supergroupMembersMax: 200, contactPauseMs: 0, joinRequestPauseMs: 0 },
        partitions: PARTITIONS,
      },
    });
    await service.start();
    atEnd(() => service.stop());
    return service;
  };
  const createUser = async (): Promise<string> => {
    const id = newId("U");
    await store.users.create({ id, account: id, passwordHash: "-", nickname: "", avatar: "", createdAt: 1 });
    return id;
  };
  /** Every record of a topic. */
  const all = async (topic: string, partitions: number): Promise<QueueRecord[]> => {
    const found: QueueRecord[] = [];
    for (let p = 0; p < partitions; p++) found.push(...(await queue.read(topic, p, 0, 1_000)).records);
    return found;
  };
  const deadLetters = async (): Promise<records.DeadLetter[]> =>
    (await all(deadTopic(COMMANDS), 1)).map((record) => records.DeadLetter.decode(record.value ?? new Uint8Array()));
  const stored = async (a: string, b: string): Promise<string[]> =>
    (await store.messages.history({ conversationId: conversationIdOf(a, b), afterSeq: 0, limit: 1_000 })).map((m) => m.clientMsgId);
  return { host, queue, store, start, createUser, all, deadLetters, stored, logged };
};

const sendRecord = (from: string, to: string, change: Partial<records.SendMessage> = {}, version = SCHEMA_VERSION) => {
  const id = String(nextId++);
  const conversationId = conversationIdOf(from, to);
  const value: records.SendMessage = {
    id,
    conversationId,
    senderId: from,
    to,
    clientMsgId: id,
    payload: '{"msg_type":"text","text":"hi"}',
    createdAt: 1,
    mentions: [],
    replyTo: undefined,
    push: undefined,
    bodyHash: Buffer.alloc(32),
    deviceId: "",
    ...change,
  };
  return {
    key: conversationId,
    value: records.Command.encode({
      version,
      commandId: id,
      requestId: "",
      acceptedAt: 1,
      replySlot: undefined,
      body: { $case: "send", value },
    }).finish(),
  };
};

describe("records that cannot be applied", () => {
  test("go to the dead letters with place and reason; the good ones around them are stored, in order", async () => {
    const { queue, start, createUser, deadLetters, stored, store } = await openSystem();
    const [ann, bob] = [await createUser(), await createUser()];
    const key = conversationIdOf(ann, bob);
    const service = await start();
    const good = (clientMsgId: string) => sendRecord(ann, bob, { clientMsgId });
    // The same message id for two messages breaks a key of the store in the middle of a good batch.
    const id = String(nextId++);
    await queue.produce(COMMANDS, [
      good("1"),
      { key, value: Buffer.from([0xff, 0xfe, 0xfd]) },
      good("2"),
      sendRecord(ann, bob, {}, 99),
      { key, value: new Uint8Array() },
      sendRecord(ann, bob, { id, clientMsgId: "3" }),
      sendRecord(ann, bob, { id, clientMsgId: "poison" }),
      { ...sendRecord(ann, bob, { to: newId("G") }), key },
      { key, value: Buffer.alloc(900_000, 7) },
      good("4"),
      good("1"),
      good("5"),
    ]);
    await eventually("the last good one is stored", async () => (await stored(ann, bob)).includes("5"), WAIT_MS);
    expect(await stored(ann, bob)).toEqual(["1", "2", "3", "4", "5"]);
    const letters = (await deadLetters()).sort((a, b) => a.offset - b.offset);
    expect(letters.map((letter) => letter.topic)).toEqual(Array.from({ length: 6 }, () => COMMANDS));
    expect(new Set(letters.map((letter) => letter.partition)).size).toBe(1);
    expect(letters.map((letter) => letter.offset)).toEqual([1, 3, 4, 6, 7, 8]);
    expect(letters.map((letter) => letter.reason)).toEqual([
      "not a command",
      "unknown schema version 99",
      "no value",
      expect.stringMatching(/unique|duplicate|conflict/i),
      "unknown conversation",
      expect.any(String),
    ]);
    expect(Buffer.from(letters[0]?.value ?? [])).toEqual(Buffer.from([0xff, 0xfe, 0xfd]));
    expect((await store.updates.difference(bob, 0, 0)).pts).toBe(5);
    await service.drain();
  });

  test("a conversation that does not exist is a dead letter, and its sender is told", async () => {
    const { queue, start, createUser, deadLetters, store } = await openSystem();
    const ann = await createUser();
    await start();
    await queue.produce(COMMANDS, [sendRecord(ann, newId("G")), sendRecord(newId("U"), ann)]);
    await eventually("two dead letters", async () => (await deadLetters()).length === 2, WAIT_MS);
    expect((await deadLetters()).map((letter) => letter.reason).sort()).toEqual(["unknown conversation", "unknown sender"]);
    await eventually("told", async () => (await store.updates.difference(ann, 0, 10)).updates[0]?.type === "REJECT", WAIT_MS);
  });
});

describe("what a stop leaves behind", () => {
  test("after a clean stop nothing is done again", async () => {
    const { queue, start, createUser, stored, all } = await openSystem();
    const [ann, bob] = [await createUser(), await createUser()];
    const first = await start();
    await queue.produce(COMMANDS, [sendRecord(ann, bob)]);
    await eventually("stored", async () => (await stored(ann, bob)).length === 1, WAIT_MS);
    await eventually("pushed", async () => (await all(PUSHES, 16)).length === 1, WAIT_MS);
    await first.drain();
    await first.stop();
    await start();
    await queue.produce(COMMANDS, [sendRecord(ann, bob)]);
    await eventually("pushed", async () => (await all(PUSHES, 16)).length >= 2, WAIT_MS);
    expect(await all(PUSHES, 16)).toHaveLength(2);
  });

  test("stored but not handed out: the next start tells gateways to look, and pushes", async () => {
    const { host, queue, start, createUser, stored, all } = await openSystem();
    const [ann, bob, cat] = [await createUser(), await createUser(), await createUser()];
    const slot = 7;
    const { cache, registry } = host.engines;
    await queue.ensureTopics([{ name: deliveriesTopic(slot), partitions: 1, durable: false }]);
    await registry.register("gateway", "g", { addresses: {}, slot, since: 1 });
    const route = { deviceId: "d", slot, connectionId: "c", sessionId: "s", platform: "p", status: "active", connectedAt: 2 };
    await cache.routes.register([{ userId: bob, route }]);
    const delivered: records.DeliveryEntry[] = [];
    await queue.tail(deliveriesTopic(slot), (got) => {
      for (const record of got) delivered.push(...records.Delivery.decode(record.value ?? new Uint8Array()).entries);
    });
    // The queue refuses deliveries and pushes: what a crash between commit and produce looks like to the next start.
    let refused = 0;
    const halfDeaf: Queue = Object.create(queue, {
      produce: {
        value: (topic: string, produced: Parameters<Queue["produce"]>[1]) => {
          if (topic !== PUSHES && topic !== deliveriesTopic(slot)) return queue.produce(topic, produced);
          refused += 1;
          return Promise.reject(new AppError("UNAVAILABLE"));
        },
      },
      consume: { value: (options: Parameters<Queue["consume"]>[0]) => queue.consume(options) },
      ensureTopics: { value: (topics: Parameters<Queue["ensureTopics"]>[0]) => queue.ensureTopics(topics) },
    });
    const first = await start(halfDeaf);
    await queue.produce(COMMANDS, [sendRecord(ann, bob), sendRecord(ann, cat)]);
    await eventually("stored", async () => (await stored(ann, cat)).length === 1 && (await stored(ann, bob)).length === 1, WAIT_MS);
    await eventually("refused", () => refused > 0, WAIT_MS);
    await first.drain();
    await first.stop();
    expect([delivered.length, (await all(PUSHES, 16)).length]).toEqual([0, 0]);

    await start();
    await eventually(
      "bob's gateway is told",
      () => delivered.some((entry) => entry.targets.some((t) => t.userId === bob && t.pts === 1)),
      WAIT_MS,
    );
    expect(delivered.every((entry) => entry.rest === "")).toBe(true);
    await eventually("cat is pushed", async () => (await all(PUSHES, 16)).length === 1, WAIT_MS);
    expect(records.Push.decode((await all(PUSHES, 16))[0]?.value ?? new Uint8Array()).userId).toBe(cat);
    expect(await stored(ann, bob)).toHaveLength(1);
  });

  test("of a supergroup's messages only who is named or replied to is pushed to, also when it is done again", async () => {
    const { queue, store, start, createUser, all } = await openSystem();
    const [ann, bob, cat] = [await createUser(), await createUser(), await createUser()];
    const id = newId("C");
    const value = { supergroupId: id, ownerId: ann, title: "flock", avatar: "", members: [bob, cat], createdAt: 1 };
    const body = { $case: "createSupergroup" as const, value };
    const create = records.Command.encode({
      version: SCHEMA_VERSION,
      commandId: "1",
      requestId: "",
      acceptedAt: 1,
      replySlot: undefined,
      body,
    });
    const asked = String(nextId++);
    const halfDeaf: Queue = Object.create(queue, {
      produce: {
        value: (topic: string, produced: Parameters<Queue["produce"]>[1]) =>
          topic === PUSHES ? Promise.reject(new AppError("UNAVAILABLE")) : queue.produce(topic, produced),
      },
      consume: { value: (options: Parameters<Queue["consume"]>[0]) => queue.consume(options) },
      ensureTopics: { value: (topics: Parameters<Queue["ensureTopics"]>[0]) => queue.ensureTopics(topics) },
    });
    const first = await start(halfDeaf);
    await queue.produce(COMMANDS, [
      { key: id, value: create.finish() },
      sendRecord(cat, id, { id: asked }),
      sendRecord(ann, id, { mentions: ["@all"] }),
      sendRecord(ann, id, { mentions: [bob], replyTo: asked, replyAuthor: cat, push: '{"title":"t"}' }),
    ]);
    await eventually("stored", async () => (await store.supergroups.heads([id])).get(id) === 4, WAIT_MS);
    await first.drain();
    await first.stop();
    expect(await all(PUSHES, 16)).toHaveLength(0);
    const { mentions } = (await store.supergroups.log(id, 3, 1)).entries[0]?.message ?? {};
    expect(mentions).toBe(JSON.stringify([bob]));
    await start();
    await eventually("pushed", async () => (await all(PUSHES, 16)).length >= 2, WAIT_MS);
    const pushes = (await all(PUSHES, 16)).map((record) => records.Push.decode(record.value ?? new Uint8Array()));
    const shown = pushes.map((push) => [push.userId, push.type, push.conversationId, push.mention, push.push]).sort();
    expect(shown).toEqual(
      [
        [bob, "C2S", id, true, '{"title":"t"}'],
        [cat, "C2S", id, false, '{"title":"t"}'],
      ].sort(),
    );
  });

  test("a partition that another consumer has moved is not written again", async () => {
    const { queue, store, start, createUser, stored } = await openSystem({ IM_QUEUE_PARTITIONS: String(PARTITIONS) });
    const [ann, bob] = [await createUser(), await createUser()];
    const first = await start();
    await queue.produce(COMMANDS, [sendRecord(ann, bob, { clientMsgId: "1" })]);
    await eventually("stored", async () => (await stored(ann, bob)).length === 1, WAIT_MS);
    // Somebody else stores the next record and moves the offset, while the first believes the partition is its own.
    await store.ingest.transaction(async (tx) => {
      const offsets = await tx.lockOffsets(COMMANDS, [0, 1, 2, 3]);
      const [partition, next] = [...offsets].find(([, at]) => at > 0) ?? [0, 0];
      tx.write({ ...noChanges, offsets: [{ topic: COMMANDS, partition, nextOffset: next + 1, batchBegin: next + 1 }] });
    });
    await queue.produce(COMMANDS, [sendRecord(ann, bob, { clientMsgId: "2" }), sendRecord(ann, bob, { clientMsgId: "3" })]);
    await eventually("goes on where the store is", async () => (await stored(ann, bob)).includes("3"), WAIT_MS);
    expect(await stored(ann, bob)).toEqual(["1", "3"]);
    await first.drain();
  });
});
