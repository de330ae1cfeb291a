import type { AppError } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { eventually } from "../../testing/eventually.js";
import { partitionOf } from "../murmur2.js";
import { collect, numbered, numbers, type QueueHarness, readAll, runChild, sorted, text, withTopic } from "./fixture.js";

/** What produce promises: order, place, bytes, durability, a bound. */
export const durabilityContract = (harness: QueueHarness): void => {
  test("records of one key stay in order, in the partition murmur2 gives, each with its place", async () => {
    const { queue, topic } = await withTopic(harness);
    const got = await collect(queue, topic, { maxRecords: 7 });
    const calls = Array.from({ length: 50 }, (_, i) => queue.produce(topic, numbered(i * 10, 10)));
    await Promise.all(calls);
    await eventually(() => expect(got.values()).toHaveLength(500));
    const next = new Map<number, number>();
    const last = new Map<string, number>();
    for (const batch of got.batches) {
      expect(batch.records.length).toBeLessThanOrEqual(7);
      expect(batch.nextOffset).toBe((batch.records.at(-1)?.offset ?? 0) + 1);
      expect(batch.end).toBeGreaterThanOrEqual(batch.nextOffset);
      for (const { partition, offset, key, timestamp, value } of batch.records) {
        expect(partition).toBe(batch.partition);
        expect(partition).toBe(partitionOf(key ?? "", 4));
        expect(offset).toBe(next.get(partition) ?? 0);
        next.set(partition, offset + 1);
        const number = Number(Buffer.from(value ?? []).toString());
        expect(number).toBeGreaterThan(last.get(key ?? "") ?? -1);
        last.set(key ?? "", number);
        expect(Math.abs(timestamp - Date.now())).toBeLessThan(60_000);
      }
    }
    expect(sorted(got.values())).toEqual(numbers(500));
  });

  test("keys and values come back byte for byte", async () => {
    const { queue, topic } = await withTopic(harness);
    const records = [
      { key: "", value: new Uint8Array(0) },
      { key: "schlüssel-😀-\u0000", value: Uint8Array.from({ length: 256 }, (_, i) => i) },
      { key: "large".repeat(300), value: Buffer.alloc(300_000, "z") },
    ];
    await queue.produce(topic, records);
    const got = await readAll(queue, topic, 4);
    expect(got).toHaveLength(3);
    for (const { key, value } of records) {
      const found = got.find((r) => r.key === key);
      expect(Buffer.compare(found?.value ?? Buffer.alloc(1), value)).toBe(0);
      expect(found?.partition).toBe(partitionOf(key, 4));
    }
  });

  test("what was acknowledged is there after kill -9 of the producer", async () => {
    const { topic } = await withTopic(harness);
    await harness.release();
    const child = runChild(harness, ["produce", topic]);
    await eventually(() => expect(child.lines().length).toBeGreaterThan(2_000));
    await child.kill();
    const stored = (await readAll(await harness.open(), topic, 4)).map(text);
    const all = new Set(stored);
    expect(child.lines().filter((line) => !all.has(line))).toEqual([]);
    expect(all.size).toBe(stored.length);
  });

  test("produce refuses with QUEUE_FULL what is more than may wait, keeps what it took, and recovers", async () => {
    const { queue, topic } = await withTopic(harness, 1, { bufferMb: 1 });
    const value = Buffer.alloc(50_000, "x");
    const results = await Promise.allSettled(Array.from({ length: 60 }, () => queue.produce(topic, [{ key: "k", value }])));
    const taken = results.filter((r) => r.status === "fulfilled").length;
    const refused = results.flatMap((r) => (r.status === "rejected" ? [r.reason as AppError] : []));
    expect(taken).toBeGreaterThanOrEqual(20);
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused) expect(error).toMatchObject({ code: "QUEUE_FULL", retryable: true });
    await queue.produce(topic, [{ key: "k", value }]);
    expect((await queue.read(topic, 0, 0, 1)).end).toBe(taken + 1);
  });
};
