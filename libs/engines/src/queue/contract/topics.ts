import { AppError } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { eventually, fresh } from "../../testing/eventually.js";
import { partitionOf } from "../murmur2.js";
import { collect, numbered, type QueueHarness, record, text, withTopic } from "./fixture.js";

/** Topics, reading without a group, and the end of it all. */
export const topicsContract = (harness: QueueHarness): void => {
  test("lag tells where a group stands and where the end is", async () => {
    const { queue, topic } = await withTopic(harness, 2);
    const keys = ["a", "b", "c", "d"];
    const none = await queue.lag(topic, "group");
    expect(none).toEqual([0, 1].map((partition) => ({ partition, committed: 0, end: 0 })));
    await queue.produce(
      topic,
      keys.map((key) => record(key, key)),
    );
    const end = (partition: number): number => keys.filter((key) => partitionOf(key, 2) === partition).length;
    expect(await queue.lag(topic, "group")).toEqual([0, 1].map((p) => ({ partition: p, committed: 0, end: end(p) })));
    const got = await collect(queue, topic);
    await eventually(() => expect(got.values()).toHaveLength(4));
    await eventually(async () =>
      expect(await queue.lag(topic, "group")).toEqual([0, 1].map((p) => ({ partition: p, committed: end(p), end: end(p) }))),
    );
  });

  test("read gives records from an offset on, at most so many, and the end", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    expect(await queue.read(topic, 0, 0, 10)).toEqual({ records: [], end: 0 });
    await queue.produce(topic, numbered(0, 20));
    const { records, end } = await queue.read(topic, 0, 5, 3);
    expect(records.map(text)).toEqual(["5", "6", "7"]);
    expect(records.map((r) => r.offset)).toEqual([5, 6, 7]);
    expect(end).toBe(20);
    expect(await queue.read(topic, 0, 20, 3)).toEqual({ records: [], end: 20 });
  });

  test("topics are created once; another number of partitions is an error that names both", async () => {
    const { queue, topic } = await withTopic(harness, 4);
    await queue.ensureTopics([{ name: topic, partitions: 4, durable: true }]);
    await (await harness.open()).ensureTopics([{ name: topic, partitions: 4, durable: true }]);
    await expect(queue.ensureTopics([{ name: topic, partitions: 8, durable: true }])).rejects.toThrow(/4.*8/);
    await harness.release();
    const again = await harness.open();
    await expect(again.ensureTopics([{ name: topic, partitions: 2, durable: true }])).rejects.toThrow(/4.*2/);
  });

  test("a topic that is not there is an error, not a wait", async () => {
    const queue = await harness.open();
    await expect(queue.produce(fresh("none"), [record("k", "v")])).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(queue.lag(fresh("none"), "group")).rejects.toThrow();
  });

  test("close is idempotent, closes the consumers, and later calls are refused", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    await queue.ping();
    const got = await collect(queue, topic);
    await Promise.all([queue.close(), queue.close()]);
    await queue.close();
    await got.consumer.close();
    const refusal = await queue.produce(topic, [record("k", "v")]).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AppError);
    expect(refusal).toMatchObject({ code: "UNAVAILABLE" });
    await expect(queue.ping()).rejects.toThrow();
  });
};
