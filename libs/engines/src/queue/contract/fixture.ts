import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { fresh } from "../../testing/eventually.js";
import type { ConsumeOptions, Queue, QueueRecord, RecordBatch } from "../port.js";

/** What the suite needs to know about an engine. */
export interface QueueHarness {
  /** Opens the queue; those opened in one test share their content, as two processes would (or are one and the same). */
  open(options?: { readonly bufferMb?: number }): Promise<Queue>;
  /** Closes all that `open` gave; the content stays. Also called after each test. */
  release(): Promise<void>;
  /** For a process that opens the same queue: the last argument of child.js. */
  childSettings(): { readonly url?: string; readonly dataDir: string; readonly namespace: string };
}

export const text = (record: QueueRecord): string => Buffer.from(record.value ?? []).toString();
export const record = (key: string, value: string) => ({ key, value: Buffer.from(value) });
export const numbered = (from: number, count: number, keys = 20) =>
  Array.from({ length: count }, (_, i) => record(`key-${(from + i) % keys}`, String(from + i)));
export const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));
export const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort((a, b) => Number(a) - Number(b));

const childFile = fileURLToPath(new URL("./child.js", import.meta.url));

/** Runs child.js; `lines` grows with its output. */
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

/** Opens the queue and a topic of its own. */
export const withTopic = async (
  harness: QueueHarness,
  partitions = 4,
  options: { bufferMb?: number } = {},
): Promise<{ queue: Queue; topic: string }> => {
  const queue = await harness.open(options);
  const topic = fresh("topic");
  await queue.ensureTopics([{ name: topic, partitions, durable: true }]);
  return { queue, topic };
};

/** A consumer that notes what it gets. */
export const collect = async (queue: Queue, topic: string, more: Partial<ConsumeOptions> = {}) => {
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
