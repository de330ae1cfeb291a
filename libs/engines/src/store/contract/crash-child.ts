import { createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { openStore } from "../index.js";
import { applySends, type CrashTarget } from "./fixture.js";

/** What the child is told on its command line, as JSON. */
export interface CrashTask {
  readonly target: CrashTarget;
  readonly topic: string;
  /** The first batch to write. */
  readonly from: number;
  /** Batch k is between the users 2k and 2k+1, modulo their number. */
  readonly users: readonly string[];
  readonly size: number;
}

/** Writes batch after batch and says so, until it is killed. */
const run = async ({ target, topic, from, users, size }: CrashTask): Promise<void> => {
  const store = await openStore(
    { IM_STORE_URL: "url" in target ? target.url : undefined, IM_STORE_POOL: 2 },
    {
      logger: createLogger({ service: "crash", level: "silent" }),
      metrics: new Metrics(),
      clock: systemClock,
      dataDir: "dataDir" in target ? target.dataDir : ".",
      namespace: "crash",
    },
  );
  for (let batch = from; ; batch++) {
    const user = (i: number): string => users[(2 * batch + i) % users.length] as string;
    await store.ingest.transaction(async (tx) => {
      await tx.lockOffsets(topic, [0]);
      const sends = Array.from({ length: size }, (_, i) => ({
        from: user(i % 2),
        to: user((i + 1) % 2),
        over: { clientMsgId: `${topic}-${batch}-${i}`, createdAt: batch },
      }));
      await applySends(tx, sends, { offsets: [{ topic, partition: 0, nextOffset: batch + 1, batchBegin: batch }] });
    });
    process.stdout.write(`${batch}\n`);
  }
};

const [task] = process.argv.slice(2);
if (task !== undefined) await run(JSON.parse(task) as CrashTask);
