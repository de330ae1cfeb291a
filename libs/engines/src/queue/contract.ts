import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { AppError } from "@dunlin/runtime";
import { afterEach, describe, expect, test } from "vitest";
import { partitionOf } from "./murmur2.js";
import { type ConsumeOptions, PartitionLost, type Queue, type QueueRecord, type RecordBatch } from "./port.js";

/** What the suite needs to know about an engine. */
export interface QueueHarness {
  /** Opens the queue; those opened in one test share their content, as two processes would (or are one and the same). */
  open(options?: { readonly bufferMb?: number }): Promise<Queue>;
  /** Closes all that `open` gave; the content stays. Also called after each test. */
  release(): Promise<void>;
  /** For a process that opens the same queue: the last argument of contract-child. */
  childSettings(): { readonly url?: string; readonly dataDir: string; readonly namespace: string };
}

/** Waits until `check` no longer throws, at most `ms`; then its last error is the failure. */
export const eventually = async (check: () => void | Promise<void>, ms = 20_000): Promise<void> => {
  const deadline = performance.now() + ms;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
};

let serial = 0;
/** A name no other test run uses: the engine may be shared and full of old topics. */
export const fresh = (name: string): string => `${name}-${process.pid}-${Date.now().toString(36)}-${serial++}`;

export const text = (record: QueueRecord): string => Buffer.from(record.value ?? []).toString();
const record = (key: string, value: string) => ({ key, value: Buffer.from(value) });
const numbered = (from: number, count: number, keys = 20) =>
  Array.from({ length: count }, (_, i) => record(`key-${(from + i) % keys}`, String(from + i)));
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));
const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort((a, b) => Number(a) - Number(b));

const childFile = fileURLToPath(new URL("./contract-child.js", import.meta.url));

/** Runs contract-child; `lines` grows with its output. */
export const runChild = (harness: QueueHarness, args: readonly string[], shell = "") => {
  const argv = [childFile, ...args, ...Array.from({ length: 3 - args.length }, () => ""), JSON.stringify(harness.childSettings())];
  const child = shell
    ? spawn("sh", ["-c", `${shell}; exec "$@"`, "sh", process.execPath, ...argv], { stdio: ["ignore", "pipe", "inherit"] })
    : spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const closed = once(child, "close");
  return {
    /** Whole lines only: a torn last one was not said. */
    lines: () => output.split("\n").slice(0, -1),
    closed,
    kill: async () => {
      child.kill("SIGKILL");
      await closed;
    },
  };
};

/** Every record of a topic, partition by partition. */
export const readAll = async (queue: Queue, topic: string, partitions: number): Promise<QueueRecord[]> => {
  const all: QueueRecord[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    for (let from = 0; ; ) {
      const { records, end } = await queue.read(topic, partition, from, 500);
      all.push(...records);
      from = (records.at(-1)?.offset ?? end - 1) + 1;
      if (from >= end) break;
    }
  }
  return all;
};

/** What every queue engine must do. */
export const queueContract = (name: string, harness: QueueHarness): void => {
  describe(`queue contract: ${name}`, () => {
    afterEach(() => harness.release());

    const withTopic = async (partitions = 4, options: { bufferMb?: number } = {}): Promise<{ queue: Queue; topic: string }> => {
      const queue = await harness.open(options);
      const topic = fresh("topic");
      await queue.ensureTopics([{ name: topic, partitions, durable: true }]);
      return { queue, topic };
    };

    /** A consumer that notes what it gets. */
    const collect = async (queue: Queue, topic: string, more: Partial<ConsumeOptions> = {}) => {
      const batches: RecordBatch[] = [];
      const errors: unknown[] = [];
      let assigned: readonly number[] = [];
      const consumer = await queue.consume({
        group: "group",
        topic,
        maxRecords: 100,
        onError: (error) => void errors.push(error),
        ...more,
        onAssigned: (partitions) => {
          assigned = partitions;
        },
        onBatch: async (batch) => {
          await more.onBatch?.(batch);
          batches.push(batch);
        },
      });
      return { consumer, batches, errors, assigned: () => assigned, values: () => batches.flatMap((b) => b.records.map(text)) };
    };

    test("records of one key stay in order, in the partition murmur2 gives, each with its place", async () => {
      const { queue, topic } = await withTopic();
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
      const { queue, topic } = await withTopic();
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
      const { topic } = await withTopic();
      await harness.release();
      const child = runChild(harness, ["produce", topic]);
      await eventually(() => expect(child.lines().length).toBeGreaterThan(2_000));
      await child.kill();
      const stored = (await readAll(await harness.open(), topic, 4)).map(text);
      const all = new Set(stored);
      expect(child.lines().filter((line) => !all.has(line))).toEqual([]);
      expect(all.size).toBe(stored.length);
    });

    test("a consumer that is killed is followed by another one, and nothing is left out", async () => {
      const { queue, topic } = await withTopic();
      for (let i = 0; i < 10; i++) await queue.produce(topic, numbered(i * 200, 200));
      await harness.release();
      const child = runChild(harness, ["consume", topic, "group"]);
      await eventually(() => expect(child.lines().length).toBeGreaterThan(100));
      await child.kill();
      const got = await collect(await harness.open(), topic);
      await eventually(() => expect(sorted([...child.lines(), ...got.values()])).toEqual(numbers(2_000)), 40_000);
    }, 60_000);

    test("a consumer that closed between batches goes on behind the last one", async () => {
      const { queue, topic } = await withTopic(1);
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
      const { queue, topic } = await withTopic();
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
      const { queue, topic } = await withTopic(1);
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

    test("reading begins where position says, before or behind what the group has committed", async () => {
      const { queue, topic } = await withTopic(1);
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
      const { queue, topic } = await withTopic(1);
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
      const { queue, topic } = await withTopic(1);
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
      const { queue, topic } = await withTopic(1);
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

    test("a batch that fails comes again, the same, and other partitions are not held up", async () => {
      const { queue, topic } = await withTopic(2);
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
      const { queue, topic } = await withTopic(1);
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

    test("a consumer of a topic still without records gets the first one", async () => {
      const { queue, topic } = await withTopic(1);
      const got = await collect(queue, topic);
      await eventually(() => expect(got.assigned()).toEqual([0]));
      await queue.produce(topic, [record("k", "first")]);
      await eventually(() => expect(got.values()).toEqual(["first"]));
    });

    test("lag tells where a group stands and where the end is", async () => {
      const { queue, topic } = await withTopic(2);
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
      const { queue, topic } = await withTopic(1);
      expect(await queue.read(topic, 0, 0, 10)).toEqual({ records: [], end: 0 });
      await queue.produce(topic, numbered(0, 20));
      const { records, end } = await queue.read(topic, 0, 5, 3);
      expect(records.map(text)).toEqual(["5", "6", "7"]);
      expect(records.map((r) => r.offset)).toEqual([5, 6, 7]);
      expect(end).toBe(20);
      expect(await queue.read(topic, 0, 20, 3)).toEqual({ records: [], end: 20 });
    });

    test("tail gets all that is produced once it has resolved, in order, each follower all of it", async () => {
      const queue = await harness.open();
      const topic = fresh("deliveries");
      await queue.ensureTopics([{ name: topic, partitions: 1, durable: false }]);
      await queue.produce(topic, [record("before", "before")]);
      const got: string[][] = [[], []];
      const followers = await Promise.all(got.map((list) => queue.tail(topic, (records) => list.push(...records.map(text)))));
      for (let i = 0; i < 20; i++) await queue.produce(topic, numbered(i * 5, 5));
      await eventually(() => expect(got).toEqual([numbers(100), numbers(100)]));
      await followers[0]?.close();
      await queue.produce(topic, [record("k", "after")]);
      await eventually(() => expect(got[1]).toHaveLength(101));
      expect(got[0]).toHaveLength(100);
    });

    test("produce refuses with QUEUE_FULL what is more than may wait, keeps what it took, and recovers", async () => {
      const { queue, topic } = await withTopic(1, { bufferMb: 1 });
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

    test("topics are created once; another number of partitions is an error that names both", async () => {
      const { queue, topic } = await withTopic(4);
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
      const { queue, topic } = await withTopic(1);
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
  });
};
