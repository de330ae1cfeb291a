import { expect, test } from "vitest";
import { BufferBudget, KafkaPartition } from "./partition.js";

const at = (offset: number, bytes: number) => ({ partition: 0, offset, key: "k", value: Buffer.alloc(bytes), timestamp: 0 });

const partitionWith = (budget: BufferBudget, poked: () => void = () => {}) =>
  new KafkaPartition({
    topic: "t",
    partition: 0,
    budget,
    bounds: async () => ({ first: 0, end: 10 }),
    poke: poked,
    onError: () => {},
  });

test("a partition that has nothing is read although the others hold all the memory", () => {
  const budget = new BufferBudget();
  budget.bytes = BufferBudget.MAX;
  const partition = partitionWith(budget);
  expect(partition.take(3, 10)).toBeUndefined();
  expect(partition.wanted).toBe(3);
  partition.deliver({ records: [at(3, 10)], next: 4, end: 4 });
  expect(partition.wanted).toBeUndefined();
});

test("who gives memory back wakes the others, also when it wants no more itself", () => {
  const budget = new BufferBudget();
  let pokes = 0;
  const partition = partitionWith(budget, () => pokes++);
  partition.take(0, 1);
  partition.deliver({ records: [at(0, 600_000), at(1, 600_000)], next: 2, end: 2 });
  budget.bytes = BufferBudget.MAX;
  pokes = 0;
  partition.take(1, 1);
  expect(partition.wanted).toBeUndefined();
  expect(pokes).toBe(1);
});
