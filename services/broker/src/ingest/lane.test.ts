import type { Effects } from "@dunlin/domain";
import { PartitionLost } from "@dunlin/engines/queue";
import { AppError, createLogger } from "@dunlin/runtime";
import { describe, expect, test } from "vitest";
import { Lane } from "./lane.js";
import type { Item } from "./slice.js";
import { type Commit, Fenced } from "./writer.js";

const logger = createLogger({ service: "test", level: "silent" });
const item = (partition: number, offset: number): Item => ({
  partition,
  from: offset,
  next: offset + 1,
  record: { partition, offset, key: "k", value: new Uint8Array(), timestamp: 0 },
  command: "not a command",
});
const effects: Effects = { deliveries: [], outcomes: [], dead: [], visibility: [], stored: 0 };
const live = new AbortController().signal;

/** A lane whose writes are recorded; `fail` may throw before a write commits. */
const laneWith = (
  fail: (items: readonly Item[], commit: Commit) => void = () => {},
  finish: () => Promise<void> = async () => {},
  paceMs = 0,
) => {
  const writes: number[][] = [];
  const lane = new Lane({
    logger,
    paceMs,
    maxRecords: 4,
    write: async (items, commit) => {
      await Promise.resolve();
      fail(items, commit);
      writes.push(items.map((i) => i.partition * 100 + i.record.offset));
      commit.done(items, effects);
    },
    finish,
  });
  return { lane, writes };
};

describe("the lane", () => {
  test("writes a lone batch at once and merges what gathers meanwhile", async () => {
    const { lane, writes } = laneWith();
    await Promise.all([lane.run(1, [item(1, 0)], live), lane.run(2, [item(2, 0), item(2, 1)], live), lane.run(3, [item(3, 0)], live)]);
    expect(writes.flat().sort()).toEqual([100, 200, 201, 300]);
    expect(writes.length).toBeLessThan(3);
  });

  test("gathers what comes within the pace, and writes the first at once", async () => {
    const { lane, writes } = laneWith(undefined, undefined, 1_000);
    await lane.run(1, [item(1, 0)], live);
    const rest = [lane.run(2, [item(2, 0)], live)];
    await new Promise((resolve) => setImmediate(resolve));
    rest.push(lane.run(3, [item(3, 0)], live));
    await Promise.all(rest);
    expect(writes).toEqual([[100], [200, 300]]);
  });

  test("a full transaction waits for no pace", async () => {
    const { lane, writes } = laneWith(undefined, undefined, 60_000);
    await lane.run(1, [item(1, 0)], live);
    await lane.run(2, [item(2, 0), item(2, 1), item(2, 2), item(2, 3)], live);
    expect(writes).toHaveLength(2);
  });

  test("keeps transactions to about maxRecords", async () => {
    const { lane, writes } = laneWith();
    await Promise.all([1, 2, 3, 4, 5].map((p) => lane.run(p, [item(p, 0), item(p, 1), item(p, 2)], live)));
    for (const write of writes) expect(write.length).toBeLessThanOrEqual(6);
  });

  test("turns back the fenced partition and writes the others", async () => {
    let first = true;
    const { lane, writes } = laneWith(() => {
      if (first) {
        first = false;
        throw new Fenced([1]);
      }
    });
    const results = await Promise.allSettled([lane.run(1, [item(1, 0)], live), lane.run(2, [item(2, 0)], live)]);
    // The first write may have held partition 1 alone; either way 1 is lost and 2 is stored.
    expect(results[0]).toMatchObject({ status: "rejected", reason: expect.any(PartitionLost) as unknown });
    expect(results[1]?.status).toBe("fulfilled");
    expect(writes.flat()).toEqual([200]);
  });

  test("tries again while the store is away", async () => {
    let failures = 3;
    const { lane, writes } = laneWith(() => {
      if (failures-- > 0) throw new AppError("UNAVAILABLE");
    });
    await lane.run(1, [item(1, 0)], live);
    expect(writes).toEqual([[100]]);
  });

  test("does not write twice what was committed before the failure", async () => {
    let first = true;
    const { lane, writes } = laneWith((items, commit) => {
      if (!first) return;
      first = false;
      commit.done(items.slice(0, 1), effects);
      throw new AppError("UNAVAILABLE");
    });
    await lane.run(1, [item(1, 0), item(1, 1)], live);
    expect(writes).toEqual([[101]]);
  });

  test("turns back a partition that was taken away while it waited", async () => {
    const taken = new AbortController();
    const { lane, writes } = laneWith(() => taken.abort());
    const results = await Promise.allSettled([lane.run(1, [item(1, 0)], live), lane.run(2, [item(2, 0)], taken.signal)]);
    expect(results[1]).toMatchObject({ status: "rejected", reason: expect.any(PartitionLost) as unknown });
    expect(writes.flat()).toEqual([100]);
  });

  test("a batch is done only when its deliveries are out", async () => {
    let release = (): void => {};
    const { lane } = laneWith(
      () => {},
      () => new Promise<void>((resolve) => (release = resolve)),
    );
    let done = false;
    const running = lane.run(1, [item(1, 0)], live).then(() => (done = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done).toBe(false);
    release();
    await running;
    expect(done).toBe(true);
  });
});
