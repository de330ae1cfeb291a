import { createBrokerService } from "@dunlin/broker";
import { type CronContext, createCronService, cronOptions } from "@dunlin/cron";
import { conversationIdOf, newId, Snowflakes } from "@dunlin/domain";
import type { Queue } from "@dunlin/engines/queue";
import { noChanges, type ScheduledRow } from "@dunlin/engines/store";
import { COMMANDS } from "@dunlin/proto";
import { AppError, type Clock } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { atEnd, openEmbedded } from "../support/embedded-host.js";
import { eventually } from "../support/eventually.js";

const PARTITIONS = 4;
const HOUR = 3_600_000;

const open = async () => {
  let ahead = 0;
  const clock: Clock = { now: () => Date.now() + ahead, monotonic: () => performance.now() + ahead };
  const needs = ["registry", "cache", "store", "queue", "blobs"] as const;
  const { host, config, logged } = await openEmbedded(cronOptions, needs, { IM_QUEUE_PARTITIONS: String(PARTITIONS) }, clock);
  const { store, registry } = host.engines;
  const ingest = createBrokerService({
    ingest: {
      ...host,
      ...host.engines,
      clock,
      rules: { groupMembersMax: 20, supergroupMembersMax: 200, contactPauseMs: 0, joinRequestPauseMs: 0 },
      partitions: PARTITIONS,
    },
  });
  const context = { config, logger: host.logger, metrics: host.metrics, health: host.health, clock, ...host.engines };
  /** cronsvc, with a slot of its own. */
  const replica = async (change: Partial<CronContext> = {}) => {
    const lease = await registry.leaseSlot(newId("D"));
    const service = createCronService({ ...context, snowflakes: new Snowflakes(lease, clock), ...change });
    atEnd(() => service.stop());
    return service;
  };
  const startIngest = async (): Promise<void> => {
    await ingest.start();
    atEnd(() => ingest.stop());
  };
  const createUser = async (): Promise<string> => {
    const id = newId("U");
    await store.users.create({ id, account: id, passwordHash: "-", nickname: "", avatar: "", createdAt: 1 });
    return id;
  };
  const schedule = async (userId: string, to: string, count: number, sendAt = clock.now() - HOUR): Promise<ScheduledRow[]> => {
    const rows = Array.from({ length: count }, (_, i): ScheduledRow => {
      const body = JSON.stringify({ to, payload: { msg_type: "text", text: `${i}` } });
      const id = newId("D").padEnd(32, "0");
      const made = { bodyHash: "", version: 1, createdAt: 1, updatedAt: 1, messageId: null, code: 0 } as const;
      return {
        userId,
        id: Buffer.from(id).toString("hex").slice(0, 32),
        clientMsgId: `${i}`,
        body,
        sendAt: sendAt + i,
        state: "open",
        ...made,
      };
    });
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, scheduled: rows }));
    return rows;
  };
  const states = async (rows: readonly ScheduledRow[]): Promise<string[]> =>
    Promise.all(rows.map(async (row) => (await store.scheduled.get(row))?.state ?? "gone"));
  const texts = async (a: string, b: string): Promise<string[]> =>
    (await store.messages.history({ conversationId: conversationIdOf(a, b), afterSeq: 0, limit: 1_000 })).map(
      (message) => (JSON.parse(message.payload) as { text: string }).text,
    );
  const move = (ms: number): void => {
    ahead += ms;
  };
  return { host, logged, store, replica, startIngest, createUser, schedule, states, texts, move };
};

const all = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`).sort();

test("what became due while no cronsvc ran is sent once by two that start, and the rest at its time", async () => {
  const { createUser, schedule, replica, startIngest, states, texts, store, move } = await open();
  const [ann, bob] = [await createUser(), await createUser()];
  const due = await schedule(ann, bob, 250);
  const [later] = (await schedule(bob, ann, 1, Date.now() + HOUR)) as [ScheduledRow];
  await startIngest();
  for (const service of [await replica(), await replica()]) await service.start();
  await eventually("all are sent", async () => (await states(due)).every((state) => state === "sent"), 30_000);
  expect((await texts(ann, bob)).sort()).toEqual(all(250));
  const known = await Promise.all(due.map(async (row) => (await store.scheduled.get(row))?.messageId));
  expect(new Set(known).size).toBe(250);
  expect(await states([later])).toEqual(["open"]);
  move(HOUR);
  await eventually("the later one is sent", async () => (await states([later]))[0] === "sent");
  expect((await texts(ann, bob)).length).toBe(251);
});

test("handed to the queue again and again while ingest is away, it is stored once", async () => {
  const { createUser, schedule, replica, startIngest, states, texts, move, host } = await open();
  const [ann, bob] = [await createUser(), await createUser()];
  await host.engines.queue.ensureTopics([{ name: COMMANDS, partitions: PARTITIONS, durable: true }]);
  const rows = await schedule(ann, bob, 3);
  const accepted = async (): Promise<number> => {
    const metric = await host.metrics.registry.getSingleMetric("dunlin_scheduled_messages_total")?.get();
    return metric?.values.find((value) => value.labels["outcome"] === "accepted")?.value ?? 0;
  };
  const first = await replica();
  await first.start();
  await eventually("a first try", async () => (await accepted()) === 3);
  // It goes without having seen the end of it; the cache forgets what was accepted.
  await first.drain();
  move(HOUR);
  await (await replica()).start();
  await eventually("a second try", async () => (await accepted()) === 6);
  expect(await states(rows)).toEqual(["open", "open", "open"]);
  await startIngest();
  await eventually("all are sent", async () => (await states(rows)).every((state) => state === "sent"));
  expect((await texts(ann, bob)).sort()).toEqual(all(3));
});

test("a queue that is away puts them off, one that cannot be sent keeps no other back", async () => {
  const { createUser, schedule, replica, startIngest, states, texts, host, logged, store } = await open();
  const [ann, bob] = [await createUser(), await createUser()];
  await startIngest();
  const { queue } = host.engines;
  let away = true;
  const failing: Queue = {
    ...queue,
    produce: (...args) => (away ? Promise.reject(new AppError("UNAVAILABLE")) : queue.produce(...args)),
  };
  const gone = newId("U");
  // Of somebody who is not there (any more), and to somebody who never was.
  const orphan = await schedule(gone, bob, 1, Date.now() - 2 * HOUR);
  const lost = await schedule(ann, newId("U"), 1, Date.now() - 2 * HOUR);
  const good = await schedule(ann, bob, 3);
  await (await replica({ queue: failing })).start();
  await eventually("it was tried", () => logged.some((line) => String(line["msg"]).startsWith("scheduled messages")));
  expect(await states([...orphan, ...lost, ...good])).toEqual(Array.from({ length: 5 }, () => "open"));
  away = false;
  await eventually("the good ones are sent", async () => (await states(good)).every((state) => state === "sent"), 30_000);
  await eventually("the others are settled", async () => (await states([...orphan, ...lost])).every((state) => state === "failed"), 30_000);
  expect(await store.scheduled.get(lost[0] as ScheduledRow)).toMatchObject({ code: 803 });
  expect((await texts(ann, bob)).sort()).toEqual(all(3));
});

test("what was settled a week ago is removed", async () => {
  const { createUser, schedule, replica, startIngest, states, move } = await open();
  const [ann, bob] = [await createUser(), await createUser()];
  const [sent] = (await schedule(ann, bob, 1)) as [ScheduledRow];
  await startIngest();
  const service = await replica();
  await service.start();
  await eventually("it is sent", async () => (await states([sent]))[0] === "sent");
  const [waiting] = (await schedule(ann, bob, 1, Date.now() + 30 * 24 * HOUR)) as [ScheduledRow];
  move(6 * 24 * HOUR);
  expect(await service.runNow("scheduled")).toBe(0);
  move(25 * HOUR);
  expect(await service.runNow("scheduled")).toBe(1);
  expect(await states([sent, waiting])).toEqual(["gone", "open"]);
});
