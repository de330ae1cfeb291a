import { expect, test } from "vitest";
import { eventually } from "../../testing/eventually.js";
import { PartitionLost } from "../port.js";
import { collect, numbered, numbers, type QueueHarness, withTopic } from "./fixture.js";

/** Where reading begins, and what happens when it cannot begin there. */
export const positionsContract = (harness: QueueHarness): void => {
  test("reading begins where position says, before or behind what the group has committed", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    await queue.produce(topic, numbered(0, 20));
    const plain = await collect(queue, topic);
    await eventually(() => expect(plain.values()).toEqual(numbers(20)));
    await plain.consumer.close();
    const earlier = await collect(queue, topic, { position: async () => new Map([[0, 5]]) });
    await eventually(() => expect(earlier.values()).toEqual(numbers(20).slice(5)));
    await earlier.consumer.close();
    await queue.produce(topic, numbered(20, 20));
    const later = await collect(queue, topic, { position: async () => new Map([[0, 30]]) });
    await eventually(() => expect(later.values()).toEqual(numbers(40).slice(30)));
    await later.consumer.close();
    await queue.produce(topic, numbered(40, 1));
    const unknown = await collect(queue, topic, { position: async () => new Map() });
    await eventually(() => expect(unknown.values()).toEqual(["40"]));
  });

  test("position is asked again while it rejects", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    await queue.produce(topic, numbered(0, 3));
    let asked = 0;
    const got = await collect(queue, topic, {
      position: async (partitions) => {
        if (asked++ < 2) throw new Error("the store is away");
        return new Map(partitions.map((p) => [p, 1]));
      },
    });
    await eventually(() => expect(got.values()).toEqual(["1", "2"]));
    expect(got.errors.map(String)).toContain("Error: the store is away");
    expect(asked).toBe(3);
  });

  test("a position beyond the end is an alarm and hands out nothing", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    await queue.produce(topic, numbered(0, 3));
    let position = 1_000;
    const got = await collect(queue, topic, { position: async () => new Map([[0, position]]) });
    await eventually(() => expect(got.errors.map(String).join()).toMatch(/1000 .*beyond/));
    await queue.produce(topic, numbered(3, 3));
    expect(got.values()).toEqual([]);
    position = 2;
    await eventually(() => expect(got.values()).toEqual(["2", "3", "4", "5"]));
  });

  test("PartitionLost positions anew", async () => {
    const { queue, topic } = await withTopic(harness, 1);
    await queue.produce(topic, numbered(0, 10));
    let asked = 0;
    let lost = false;
    const got = await collect(queue, topic, {
      maxRecords: 4,
      position: async () => new Map([[0, asked++ === 0 ? 0 : 6]]),
      onBatch: async (batch) => {
        if (lost || batch.nextOffset !== 8) return;
        lost = true;
        throw new PartitionLost();
      },
    });
    await eventually(() => expect(got.values().at(-1)).toBe("9"));
    expect(asked).toBe(2);
    expect(got.values()).toEqual(["0", "1", "2", "3", "6", "7", "8", "9"]);
  });
};
