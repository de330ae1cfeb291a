import { createLogger, Metrics, systemClock } from "@dunlin/runtime";
import kafkajs from "kafkajs";
import { afterEach, expect, test } from "vitest";
import { eventually, fresh } from "../testing/eventually.js";
import { queueContract } from "./contract.js";
import { brokersOf } from "./kafka/client.js";
import { openKafkaQueue } from "./kafka/engine.js";
import type { Queue, QueueRecord } from "./port.js";

const url = process.env["IM_QUEUE_URL"] ?? "";
const logger = createLogger({ service: "test", level: "silent" });
const namespace = fresh("test");

const opened = new Set<Queue>();
const open = async (options: { bufferMb?: number } = {}): Promise<Queue> => {
  const queue = await openKafkaQueue(
    { IM_QUEUE_URL: url, IM_QUEUE_PARTITIONS: 4, IM_QUEUE_BUFFER_MB: options.bufferMb ?? 32, IM_QUEUE_MAX_MB: 4096 },
    { logger, metrics: new Metrics(), clock: systemClock, dataDir: "", namespace },
  );
  opened.add(queue);
  return queue;
};
const release = async (): Promise<void> => {
  const queues = [...opened];
  opened.clear();
  await Promise.all(queues.map((queue) => queue.close()));
};

queueContract("kafka", { open, release, childSettings: () => ({ url, dataDir: "", namespace }) });

afterEach(release);

const client = new kafkajs.Kafka({ brokers: brokersOf(url), logLevel: kafkajs.logLevel.NOTHING });

/** As retention does. */
const deleteBefore = async (name: string, offset: number): Promise<void> => {
  const topic = `${namespace}.${name}`;
  const admin = client.admin();
  await admin.connect();
  await admin.fetchTopicOffsets(topic); // makes kafkajs learn where the topic is
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
  await admin.disconnect();
};

const deleteTopic = async (name: string): Promise<void> => {
  const topic = `${namespace}.${name}`;
  const admin = client.admin();
  await admin.connect();
  // kafkajs deletes it and may stumble over its being gone.
  await admin.deleteTopics({ topics: [topic] }).catch(() => {});
  await eventually(async () => expect(await admin.listTopics()).not.toContain(topic));
  await admin.disconnect();
};

test("records of another program come with null key, null value and their batch goes on", async () => {
  const queue = await open();
  const topic = fresh("topic");
  await queue.ensureTopics([{ name: topic, partitions: 1, durable: true }]);
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({
    topic: `${namespace}.${topic}`,
    messages: [{ key: null, value: "no key" }, { key: "no value", value: null }, { value: null }, { key: "k", value: "v" }],
  });
  await producer.disconnect();
  const seen: QueueRecord[] = [];
  await queue.consume({ group: "group", topic, maxRecords: 10, onBatch: async ({ records }) => void seen.push(...records) });
  await eventually(() => expect(seen).toHaveLength(4));
  expect(seen.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()])).toEqual([
    [null, "no key"],
    ["no value", null],
    [null, null],
    ["k", "v"],
  ]);
});

test("records that Kafka no longer has are reported, and reading goes on with the earliest", async () => {
  const queue = await open();
  const topic = fresh("topic");
  await queue.ensureTopics([{ name: topic, partitions: 1, durable: true }]);
  for (let i = 0; i < 6; i++) await queue.produce(topic, [{ key: "k", value: Buffer.from(String(i)) }]);
  await deleteBefore(topic, 4);
  const seen: string[] = [];
  const errors: string[] = [];
  await queue.consume({
    group: "group",
    topic,
    maxRecords: 10,
    position: async () => new Map([[0, 1]]),
    onError: (error) => errors.push(String(error)),
    onBatch: async ({ records }) => void seen.push(...records.map(({ value }) => Buffer.from(value ?? []).toString())),
  });
  await eventually(() => expect(seen).toEqual(["4", "5"]));
  expect(errors.join()).toMatch(/records 1 to 3 .* not kept/);
});

test("records deleted while they are being read are reported too", async () => {
  const queue = await open();
  const topic = fresh("topic");
  await queue.ensureTopics([{ name: topic, partitions: 1, durable: true }]);
  const errors: string[] = [];
  let position = 0;
  const seen: string[] = [];
  let hold = true;
  await queue.consume({
    group: "group",
    topic,
    maxRecords: 1,
    position: async () => new Map([[0, position]]),
    onError: (error) => errors.push(String(error)),
    onBatch: async ({ records, nextOffset }) => {
      if (hold) throw new Error("not now");
      position = nextOffset;
      seen.push(...records.map(({ value }) => Buffer.from(value ?? []).toString()));
    },
  });
  // More than is read ahead, so that what is deleted has not been fetched.
  for (let i = 0; i < 30; i++) await queue.produce(topic, [{ key: "k", value: Buffer.alloc(100_000, String(i).padStart(2, "0")) }]);
  await eventually(() => expect(errors.join()).toContain("not now"));
  await deleteBefore(topic, 25);
  hold = false;
  await eventually(() => expect(seen.at(-1)?.slice(0, 2)).toBe("29"));
  expect(errors.join()).toMatch(/records \d+ to 24 .* not kept/);
});

test("a topic's retention is Kafka's; dead letters have none", async () => {
  const queue = await open();
  const [topic, dead] = [fresh("topic"), `${fresh("topic")}.dead`];
  await queue.ensureTopics([
    { name: topic, partitions: 1, durable: true, retentionMs: 3_600_000 },
    { name: dead, partitions: 1, durable: true },
  ]);
  const admin = client.admin();
  await admin.connect();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [topic, dead].map((name) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name: `${namespace}.${name}`,
      configNames: ["retention.ms"],
    })),
  });
  await admin.disconnect();
  expect(resources.map(({ configEntries }) => configEntries[0]?.configValue)).toEqual(["3600000", "-1"]);
});

test("a topic that was deleted and made anew is reported, and read from its beginning", async () => {
  const queue = await open();
  const topic = fresh("topic");
  const spec = { name: topic, partitions: 1, durable: true };
  await queue.ensureTopics([spec]);
  for (let i = 0; i < 5; i++) await queue.produce(topic, [{ key: "k", value: Buffer.from(`old ${i}`) }]);
  const seen: string[] = [];
  const errors: string[] = [];
  await queue.consume({
    group: "group",
    topic,
    maxRecords: 10,
    onError: (error) => errors.push(String(error)),
    onBatch: async ({ records }) => void seen.push(...records.map(({ value }) => Buffer.from(value ?? []).toString())),
  });
  await eventually(async () => expect((await queue.lag(topic, "group"))[0]?.committed).toBe(5));
  await deleteTopic(topic);
  await queue.ensureTopics([spec]);
  await eventually(() => queue.produce(topic, [{ key: "k", value: Buffer.from("new") }]));
  await eventually(() => expect(seen.at(-1)).toBe("new"), 25_000);
  expect(errors.length).toBeGreaterThan(0);
}, 60_000);

test("a topic that was deleted does not keep the others from anything", async () => {
  const queue = await open();
  const [gone, stays, next] = [fresh("gone"), fresh("stays"), fresh("next")];
  const spec = (name: string) => ({ name, partitions: 1, durable: true });
  await queue.ensureTopics([spec(gone), spec(stays)]);
  for (const topic of [gone, stays]) {
    await queue.produce(topic, [{ key: "k", value: Buffer.from("a") }]);
    await queue.lag(topic, "group");
  }
  await deleteTopic(gone);
  await queue.ping();
  await expect(queue.lag(gone, "group")).rejects.toThrow();
  await eventually(async () =>
    expect(await queue.produce(gone, [{ key: "k", value: Buffer.from("b") }]).catch(() => "refused")).toBe("refused"),
  );
  await queue.ensureTopics([spec(next)]);
  for (const topic of [stays, next]) await queue.produce(topic, [{ key: "k", value: Buffer.from("b") }]);
  expect((await queue.lag(stays, "group"))[0]?.end).toBe(2);
  await queue.ensureTopics([spec(gone)]);
  await eventually(() => queue.produce(gone, [{ key: "k", value: Buffer.from("c") }]));
});

test("of a call that needs several requests nothing more is sent once one has failed", async () => {
  const queue = await open();
  const topic = fresh("topic");
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [{ topic: `${namespace}.${topic}`, numPartitions: 1, configEntries: [{ name: "max.message.bytes", value: "200000" }] }],
  });
  await admin.disconnect();
  const records = [880_000, 100_000, 10].map((size) => ({ key: "k", value: Buffer.alloc(size) }));
  await expect(queue.produce(topic, records)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await queue.produce(topic, [{ key: "k", value: Buffer.from("next") }]);
  expect((await queue.read(topic, 0, 0, 10)).records.map(({ value }) => value?.length)).toEqual([4]);
});

test("one unknown topic does not keep others from being produced to", async () => {
  const queue = await open();
  const topic = fresh("deliveries.");
  await queue.ensureTopics([{ name: topic, partitions: 1, durable: false }]);
  const results = await Promise.allSettled([
    queue.produce(topic, [{ key: "k", value: Buffer.from("a") }]),
    queue.produce(fresh("deliveries."), [{ key: "k", value: Buffer.from("b") }]),
    queue.produce(topic, [{ key: "k", value: Buffer.from("c") }]),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("brokers are read from the URL", () => {
  expect(brokersOf("kafka://a:1,b,[::1]:3/")).toEqual(["a:1", "b:9092", "[::1]:3"]);
  expect(() => brokersOf("kafka://a b")).toThrow(/IM_QUEUE_URL/);
});

test("a Kafka that is not there is an error that names it", async () => {
  await expect(
    openKafkaQueue(
      { IM_QUEUE_URL: "kafka://127.0.0.1:1", IM_QUEUE_PARTITIONS: 4, IM_QUEUE_BUFFER_MB: 32, IM_QUEUE_MAX_MB: 4096 },
      { logger, metrics: new Metrics(), clock: systemClock, dataDir: "", namespace },
    ),
  ).rejects.toThrow(/kafka:\/\/127.0.0.1:1/);
});
