import { writeSync } from "node:fs";
import { createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { openQueue } from "../index.js";

/**
 * A process of its own for the contract suite, to be killed at any moment: `produce <topic>` writes the number of every
 * acknowledged record to its output, `consume <topic> <group>` that of every handled one; `fill <topic>` produces large
 * records until one is refused, writes why, and ends.
 */
const [mode, topic = "", group = ""] = process.argv.slice(2);
const settings = JSON.parse(process.argv[5] ?? "{}") as { url?: string; dataDir: string; namespace: string };
const say = (line: string): void => {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
};

const queue = await openQueue(
  { IM_QUEUE_URL: settings.url, IM_QUEUE_PARTITIONS: 4, IM_QUEUE_BUFFER_MB: 32, IM_QUEUE_MAX_MB: 4096 },
  {
    logger: createLogger({ service: "child", level: "silent" }),
    metrics: new Metrics(),
    clock: systemClock,
    dataDir: settings.dataDir,
    namespace: settings.namespace,
  },
);

if (mode === "produce") {
  let n = 0;
  const send = async (): Promise<void> => {
    for (;;) {
      const own = n++;
      await queue.produce(topic, [{ key: `key-${own % 20}`, value: Buffer.from(String(own)) }]);
      say(String(own));
    }
  };
  await Promise.all(Array.from({ length: 50 }, send));
} else if (mode === "consume") {
  await queue.consume({
    group,
    topic,
    maxRecords: 10,
    onBatch: async ({ records }) => {
      for (const { value } of records) say(Buffer.from(value ?? []).toString());
    },
  });
} else {
  // A limit on the file's size stands in for a full disk; the signal that comes with it is not what is tested.
  process.on("SIGXFSZ", () => {});
  for (let n = 0; ; n++) {
    try {
      await queue.produce(topic, [{ key: "key", value: Buffer.alloc(100_000, String(n)) }]);
      say(`ok ${n}`);
    } catch (error) {
      say(`refused ${(error as { code?: string }).code}`);
      process.exit(0);
    }
  }
}
