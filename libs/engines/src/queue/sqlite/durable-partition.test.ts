import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DurablePartition, TailMemory } from "./durable-partition.js";
import { LogWorker } from "./log-worker.js";

const folder = mkdtempSync(join(tmpdir(), "dunlin-tail-"));
let worker: LogWorker;
beforeAll(async () => {
  worker = await LogWorker.open(folder);
});
afterAll(async () => {
  await worker.close();
  rmSync(folder, { recursive: true, force: true });
});

const recordAt = (partition: DurablePartition) => ({
  partition: partition.partition,
  offset: partition.end,
  key: "k",
  value: Buffer.alloc(100),
  timestamp: 0,
});

test("a partition that nobody reads does not make the notes about the others grow without end", () => {
  const memory = new TailMemory(16 * 1024 * 1024);
  const [unread, read] = [new DurablePartition(worker, 0, 0, 0, 0), new DurablePartition(worker, 1, 0, 0, 0)];
  const reader = {};
  memory.append(unread, [recordAt(unread)]);
  for (let i = 0; i < 100_000; i++) {
    memory.append(read, [recordAt(read)]);
    memory.freed(read.moved(reader, read.end));
  }
  expect(memory.notes).toBeLessThan(20_000);
  expect([unread.tail.length, read.tail.length]).toEqual([1, 0]);
});

test("beyond its bytes the oldest record of all goes first, whatever its partition", () => {
  const memory = new TailMemory(10 * 300);
  const [one, two] = [new DurablePartition(worker, 0, 0, 0, 0), new DurablePartition(worker, 1, 1, 0, 0)];
  for (let i = 0; i < 8; i++) memory.append(one, [recordAt(one)]);
  for (let i = 0; i < 5; i++) memory.append(two, [recordAt(two)]);
  expect([one.tail.first, one.end, two.tail.first, two.end]).toEqual([3, 8, 0, 5]);
});
