import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { afterAll, afterEach, expect, test } from "vitest";
import { eventually, fresh } from "../testing/eventually.js";
import { readAll, runChild, text } from "./contract/fixture.js";
import { queueContract } from "./contract.js";
import type { Queue } from "./port.js";
import { openSqliteQueue, type SqliteQueueTuning } from "./sqlite/engine.js";

const logger = createLogger({ service: "test", level: "silent" });
const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "dunlin-queue-"));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const openIn = (dataDir: string, settings: { bufferMb?: number; maxMb?: number } = {}, tuning: SqliteQueueTuning = {}): Promise<Queue> =>
  openSqliteQueue(
    {
      IM_QUEUE_URL: undefined,
      IM_QUEUE_PARTITIONS: 4,
      IM_QUEUE_BUFFER_MB: settings.bufferMb ?? 32,
      IM_QUEUE_MAX_MB: settings.maxMb ?? 4096,
    },
    { logger, metrics: new Metrics(), clock: systemClock, dataDir, namespace: "test" },
    tuning,
  );

const harnessIn = (dataDir: string, tuning: SqliteQueueTuning = {}) => {
  // One process has one queue: both "processes" of a test are the same one.
  let shared: Promise<Queue> | undefined;
  return {
    open: (options: { bufferMb?: number } = {}) => {
      shared ??= openIn(dataDir, options, tuning);
      return shared;
    },
    release: async () => {
      const queue = await shared?.catch(() => undefined);
      shared = undefined;
      await queue?.close();
    },
    childSettings: () => ({ dataDir, namespace: "test" }),
  };
};

queueContract("sqlite", harnessIn(newFolder()));
// Nothing in memory: every batch is read from the file.
queueContract("sqlite, no tail in memory", harnessIn(newFolder(), { tailBytes: 0 }));

const harness = harnessIn(newFolder());
afterEach(() => harness.release());
const filled = (key: string, size: number) => ({ key, value: Buffer.alloc(size, "x") });

test("a second process is refused, with the folder's name", async () => {
  const folder = newFolder();
  const own = harnessIn(folder);
  const topic = fresh("topic");
  await (await own.open()).ensureTopics([{ name: topic, partitions: 1, durable: true }]);
  await expect(openIn(folder)).rejects.toThrow(folder);
  await own.release();
  const child = runChild(own, ["produce", topic]);
  await eventually(() => expect(child.lines().length).toBeGreaterThan(10));
  await expect(openIn(folder)).rejects.toThrow(/in use by another process/);
  await child.kill();
  await (await openIn(folder)).close();
});

test("a damaged log is refused, with its name", async () => {
  const folder = newFolder();
  writeFileSync(join(folder, "queue.db"), Buffer.alloc(10_000, "junk"));
  await expect(openIn(folder)).rejects.toThrow(join(folder, "queue.db"));
});

test("a full disk refuses with UNAVAILABLE, and what was acknowledged stays", async () => {
  const folder = newFolder();
  const own = harnessIn(folder);
  const topic = fresh("topic");
  await (await own.open()).ensureTopics([{ name: topic, partitions: 1, durable: true }]);
  await own.release();
  const child = runChild(own, ["fill", topic], "ulimit -f 8192");
  await child.closed;
  const lines = child.lines();
  expect(lines.at(-1)).toBe("refused UNAVAILABLE");
  expect(lines.length).toBeGreaterThan(5);
  const stored = await readAll(await own.open(), topic, 1);
  expect(stored.length).toBeGreaterThanOrEqual(lines.length - 1);
  await own.release();
});

test("the log's size is bounded; consumed records make room before their hour is over", async () => {
  const folder = newFolder();
  const queue = await openIn(folder, { maxMb: 8 }, { trimEveryMs: 20 });
  const topic = fresh("topic");
  await queue.ensureTopics([{ name: topic, partitions: 1, durable: true }]);
  const fill = async (): Promise<unknown> => {
    for (let i = 0; i < 400; i++) {
      const failed = await queue.produce(topic, [filled("k", 100_000)]).catch((error: unknown) => error);
      if (failed) return failed;
    }
    return undefined;
  };
  expect(await fill()).toMatchObject({ code: "QUEUE_FULL" });
  await queue.consume({ group: "g", topic, maxRecords: 10, onBatch: async () => {} });
  await eventually(() => queue.produce(topic, [filled("k", 100)]));
  await queue.close();
});

test("a topic with a retention that nobody reads fills up without stopping the others, whose records stay", async () => {
  const queue = await openIn(newFolder(), { maxMb: 8 }, { trimEveryMs: 20 });
  const [events, commands] = [fresh("events"), fresh("commands")];
  await queue.ensureTopics([
    { name: events, partitions: 2, durable: true, retentionMs: 86_400_000 },
    { name: commands, partitions: 1, durable: true },
  ]);
  let produced = 0;
  const command = async (): Promise<void> => {
    await queue.produce(commands, [filled("k", 1_000)]);
    produced++;
  };
  await command();
  for (let i = 0; i < 300; i++) {
    await queue.produce(events, [filled(`k${i}`, 100_000)]).catch((error: unknown) => expect(error).toMatchObject({ code: "QUEUE_FULL" }));
  }
  await eventually(command);
  expect((await queue.read(commands, 0, 0, 10)).records).toHaveLength(produced);
  // Commands that nobody has applied are worth more than room.
  const refused = async (): Promise<unknown> => {
    for (;;) {
      try {
        await queue.produce(commands, [filled("k", 100_000)]);
        produced++;
      } catch (error) {
        return error;
      }
    }
  };
  expect(await refused()).toMatchObject({ code: "QUEUE_FULL" });
  const { end } = await queue.read(commands, 0, 0, 1);
  expect(end).toBe(produced);
  expect((await queue.read(commands, 0, 0, end)).records).toHaveLength(end);
  await queue.close();
});

test("records older than their topic's retention go, read or not, also of topics found in the file", async () => {
  const folder = newFolder();
  let queue = await openIn(folder);
  const [late, kept] = [fresh("late"), fresh("kept")];
  const topics = [
    { name: late, partitions: 1, durable: true, retentionMs: 1 },
    { name: kept, partitions: 1, durable: true },
  ];
  await queue.ensureTopics(topics);
  for (const { name } of topics) await queue.produce(name, [filled("k", 10), filled("k", 10)]);
  await queue.close();
  queue = await openIn(folder, {}, { trimEveryMs: 20 });
  await queue.ensureTopics(topics);
  await eventually(async () => expect(await queue.read(late, 0, 0, 10)).toEqual({ records: [], end: 2 }));
  expect((await queue.read(kept, 0, 0, 10)).records).toHaveLength(2);
  const errors: string[] = [];
  await queue.consume({
    group: "g",
    topic: late,
    maxRecords: 10,
    position: async () => new Map([[0, 0]]),
    onError: (e) => errors.push(String(e)),
    onBatch: async () => {},
  });
  await eventually(() => expect(errors.join()).toMatch(/records 0 to 1 .* not kept/));
  await queue.close();
});

test("what every group has passed is trimmed, the ends stay, and asking for it again is reported", async () => {
  const folder = newFolder();
  let queue = await openIn(folder, {}, { trimEveryMs: 20, keepMs: 0 });
  const [topic, unread, dead] = [fresh("topic"), fresh("unread"), `${fresh("topic")}.dead`];
  await queue.ensureTopics([topic, unread, dead].map((name) => ({ name, partitions: 1, durable: true })));
  for (const name of [topic, unread, dead]) await queue.produce(name, [filled("k", 10), filled("k", 10)]);
  let seen = 0;
  const onBatch = async ({ records }: { records: readonly unknown[] }) => {
    seen += records.length;
  };
  for (const name of [topic, dead]) await queue.consume({ group: "g", topic: name, maxRecords: 10, onBatch });
  await eventually(async () => expect(await queue.read(topic, 0, 0, 10)).toEqual({ records: [], end: 2 }));
  expect(seen).toBe(4);
  await queue.close();

  queue = await openIn(folder);
  expect(await queue.read(topic, 0, 0, 10)).toEqual({ records: [], end: 2 });
  expect((await queue.read(dead, 0, 0, 10)).records).toHaveLength(2);
  expect((await queue.read(unread, 0, 0, 10)).records).toHaveLength(2);
  expect(await queue.lag(topic, "g")).toEqual([{ partition: 0, committed: 2, end: 2 }]);
  const errors: string[] = [];
  const values: string[] = [];
  await queue.consume({
    group: "g",
    topic,
    maxRecords: 10,
    position: async () => new Map([[0, 0]]),
    onError: (error) => errors.push(String(error)),
    onBatch: async ({ records }) => void values.push(...records.map(text)),
  });
  await queue.produce(topic, [{ key: "k", value: Buffer.from("next") }]);
  await eventually(() => expect(values).toEqual(["next"]));
  expect(errors.join()).toMatch(/records 0 to 1 .* not kept/);
  await queue.close();
});

test("a slow group keeps its records although a quick one has passed them", async () => {
  const queue = await openIn(newFolder(), {}, { trimEveryMs: 20, keepMs: 0 });
  const topic = fresh("topic");
  await queue.ensureTopics([{ name: topic, partitions: 1, durable: true }]);
  for (let i = 0; i < 5; i++) await queue.produce(topic, [{ key: "k", value: Buffer.from(String(i)) }]);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const slow: string[] = [];
  await queue.consume({
    group: "slow",
    topic,
    maxRecords: 1,
    onBatch: async ({ records }) => {
      await gate;
      slow.push(...records.map(text));
    },
  });
  await queue.consume({ group: "quick", topic, maxRecords: 10, onBatch: async () => {} });
  await eventually(async () => expect((await queue.lag(topic, "quick"))[0]?.committed).toBe(5));
  expect((await queue.read(topic, 0, 0, 10)).records).toHaveLength(5);
  open();
  await eventually(() => expect(slow).toEqual(["0", "1", "2", "3", "4"]));
  await eventually(async () => expect((await queue.read(topic, 0, 0, 10)).records).toHaveLength(0));
  await queue.close();
});

test("a topic is durable or it is not; asked for twice at a time, it is one", async () => {
  const queue = await harness.open();
  const [transient, durable] = [fresh("deliveries"), fresh("topic")];
  const heard: string[] = [];
  const both = [
    { name: transient, partitions: 1, durable: false },
    { name: durable, partitions: 1, durable: true },
  ];
  await Promise.all([
    queue.ensureTopics(both).then(() => queue.tail(transient, (records) => heard.push(...records.map(text)))),
    queue.ensureTopics(both),
  ]);
  await queue.produce(transient, [{ key: "k", value: Buffer.from("heard") }]);
  await eventually(() => expect(heard).toEqual(["heard"]));
  await expect(queue.ensureTopics([{ name: transient, partitions: 1, durable: true }])).rejects.toThrow(/transient already/);
});

test("a transient topic forgets its oldest records", async () => {
  const queue = await harness.open();
  const topic = fresh("deliveries");
  await queue.ensureTopics([{ name: topic, partitions: 1, durable: false }]);
  for (let i = 0; i < 60; i++) await queue.produce(topic, [filled("k", 100_000)]);
  const { records, end } = await queue.read(topic, 0, 0, 100);
  expect(end).toBe(60);
  expect(records.length).toBeLessThan(60);
  expect(records.length).toBeGreaterThan(10);
});
