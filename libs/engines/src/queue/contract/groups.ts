import { expect, test } from "vitest";
import { eventually } from "../../testing/eventually.js";
import { partitionOf } from "../murmur2.js";
import { PartitionLost, type RecordBatch } from "../port.js";
import { collect, numbered, numbers, type QueueHarness, record, runChild, sorted, text, withTopic } from "./fixture.js";

/** What a consumer group promises: everything at least once, a partition in order, a close that waits. */
export const groupsContract = (harness: QueueHarness): void => {
  test("a consumer that is killed is followed by another one, and nothing is left out", async () => {
    const { queue, topic } = await withTopic(harness);
    for (let i = 0; i < 10; i++) await queue.produce(topic, numbered(i * 200, 200));
    await harness.release();
    const child = runChild(harness, ["consume", topic, "group"]);
    await eventually(() => expect(child.lines().length).toBeGreaterThan(100));
    await child.kill();
    const got = await collect(await harness.open(), topic);
    await eventually(() => expect(sorted([...child.lines(), ...got.values()])).toEqual(numbers(2_000)), 40_000);
  }, 60_000);

  test("a consumer that closed between batches goes on behind the last one", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    await queue.produce(topic, numbered(0, 30));
    const handled: string[] = [];
    const first = await queue.consume({
      group: "group",
      topic,
      maxRecords: 10,
      onBatch: async (batch) => {
        handled.push(...batch.records.map(text));
        if (batch.nextOffset >= 20) void first.close();
      },
    });
    await eventually(() => expect(handled.length).toBeGreaterThanOrEqual(20));
    await first.close();
    const before = handled.length;
    const second = await collect(queue, topic);
    await eventually(() => expect([...handled, ...second.values()]).toEqual(numbers(30)));
    expect(before).toBeLessThanOrEqual(30);
  });

  test("the consumers of a group share the partitions; what one leaves the others get", async () => {
    const { queue, topic } = await withTopic(harness);
    const one = await collect(queue, topic);
    await eventually(() => expect(one.assigned()).toEqual([0, 1, 2, 3]));
    const two = await collect(await harness.open(), topic);
    await eventually(() => {
      expect([...one.assigned(), ...two.assigned()].sort()).toEqual([0, 1, 2, 3]);
      expect(one.assigned()).toHaveLength(2);
    });
    await queue.produce(topic, numbered(0, 200, 100));
    await eventually(() => expect(sorted([...one.values(), ...two.values()])).toEqual(numbers(200)));
    expect(one.values().length).toBeGreaterThan(0);
    expect(two.values().length).toBeGreaterThan(0);
    await one.consumer.close();
    await eventually(() => expect(two.assigned()).toEqual([0, 1, 2, 3]));
    await queue.produce(topic, numbered(200, 100, 100));
    await eventually(() => expect(sorted([...one.values(), ...two.values()])).toEqual(numbers(300)));
  });

  test("a second consumer of one partition waits until the first leaves, and begins where the store says", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    let stored = 0;
    const position = async () => new Map([[0, stored]]);
    const onBatch = async (batch: RecordBatch): Promise<void> => {
      if (batch.records[0]?.offset !== stored) throw new PartitionLost();
      stored = batch.nextOffset;
    };
    const one = await collect(queue, topic, { position, onBatch, maxRecords: 5 });
    const two = await collect(await harness.open(), topic, { position, onBatch, maxRecords: 5 });
    await queue.produce(topic, numbered(0, 50));
    await eventually(() => expect(stored).toBe(50));
    await (one.assigned().length > 0 ? one : two).consumer.close();
    await queue.produce(topic, numbered(50, 50));
    await eventually(() => expect(stored).toBe(100));
    expect([...one.values(), ...two.values()].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(100));
  });

  test("a batch that fails comes again, the same, and other partitions are not held up", async () => {
    const { queue, topic } = await withTopic(harness, 2);
    const poison = ["a", "b", "c", "d"].find((key) => partitionOf(key, 2) === 0) ?? "";
    const good = ["a", "b", "c", "d"].find((key) => partitionOf(key, 2) === 1) ?? "";
    await queue.produce(topic, [record(poison, "p0"), record(poison, "p1"), record(poison, "p2")]);
    const tries: string[][] = [];
    let heal = false;
    const got = await collect(queue, topic, {
      maxRecords: 2,
      onBatch: async (batch) => {
        if (batch.partition !== 0 || heal) return;
        tries.push(batch.records.map(text));
        throw new Error("poison");
      },
    });
    await eventually(() => expect(tries.length).toBeGreaterThanOrEqual(3));
    await queue.produce(topic, [record(good, "g0")]);
    await eventually(() => expect(got.values()).toEqual(["g0"]));
    heal = true;
    await eventually(() => expect(got.values()).toEqual(["g0", "p0", "p1", "p2"]));
    for (const values of tries) expect(values).toEqual(tries[0]);
    expect(got.errors.map(String)).toContain("Error: poison");
  });

  test("close waits for the batch under way, whose signal says stop, and hands out nothing after", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    await queue.produce(topic, numbered(0, 10));
    const seen: string[] = [];
    let began = false;
    const consumer = await queue.consume({
      group: "group",
      topic,
      maxRecords: 2,
      onBatch: async ({ records, signal }) => {
        began = true;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        seen.push(...records.map(text));
      },
    });
    await eventually(() => expect(began).toBe(true));
    await consumer.close();
    expect(seen).toEqual(["0", "1"]);
    await consumer.close();
    await queue.produce(topic, numbered(10, 1));
    expect(seen).toEqual(["0", "1"]);
  });

  test("close also waits for a batch whose partition was taken away before", async () => {
    const { queue, topic } = await withTopic(harness, 2);
    const busy = new Set<number>();
    let closing = false;
    let taken = false;
    let letEnd = (): void => {};
    const mayEnd = new Promise<void>((resolve) => {
      letEnd = resolve;
    });
    const ended: string[] = [];
    const handled: string[] = [];
    const one = await queue.consume({
      group: "group",
      topic,
      maxRecords: 10,
      onBatch: async ({ partition, records, signal }) => {
        busy.add(partition);
        handled.push(...records.map(text));
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        if (closing) return;
        taken = true;
        await mayEnd;
        ended.push("batch");
      },
    });
    await queue.produce(topic, numbered(0, 100));
    await eventually(() => expect(busy.size).toBe(2));
    const two = await collect(await harness.open(), topic);
    await eventually(() => expect(taken).toBe(true));
    closing = true;
    const closed = one.close().then(() => void ended.push("close"));
    // Long enough for a close that does not wait.
    setTimeout(letEnd, 1_000);
    await closed;
    expect(ended).toEqual(["batch", "close"]);
    await eventually(() => expect(sorted([...handled, ...two.values()])).toEqual(numbers(100)));
  });

  test("a consumer of a topic still without records gets the first one", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    const got = await collect(queue, topic);
    await eventually(() => expect(got.assigned()).toEqual([0]));
    await queue.produce(topic, [record("k", "first")]);
    await eventually(() => expect(got.values()).toEqual(["first"]));
  });
};
