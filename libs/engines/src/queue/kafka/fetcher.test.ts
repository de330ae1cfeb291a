import { afterEach, expect, test } from "vitest";
import { eventually } from "../../testing/eventually.js";
import { boundsOf, type Cluster } from "./cluster.js";
import { Fetcher, type FetchTarget } from "./fetcher.js";

/** Two partitions of a cluster of which we decide who leads what: one node here cannot lose the leader of a part of a topic. */
const clusterOf = (leaders: (number | null)[]) => {
  const state = { leaders, known: false, failNext: false };
  const cluster: Cluster = {
    connect: async () => {},
    disconnect: async () => {},
    isConnected: () => true,
    addMultipleTargetTopics: async () => {
      state.known = true;
    },
    refreshMetadata: async () => {},
    removeBroker: () => {},
    findTopicPartitionMetadata: () => (state.known ? state.leaders.map((leader, partitionId) => ({ partitionId, leader })) : []),
    fetchTopicsOffset: async (topics) =>
      topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions
          .filter(({ partition }) => state.leaders[partition] !== null)
          .map(({ partition }) => ({ partition, offset: "7" })),
      })),
    findBroker: async () => ({
      fetch: async ({ topics }) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (state.failNext) {
          state.failNext = false;
          throw new Error("the leader is another one now");
        }
        return {
          responses: topics.map(({ topic, partitions }) => ({
            topicName: topic,
            partitions: partitions.map(({ partition, fetchOffset }) => ({
              partition,
              highWatermark: "1000000",
              messages: [{ offset: fetchOffset, timestamp: "0", key: null, value: Buffer.from("x") }],
            })),
          })),
        };
      },
    }),
  };
  return { cluster, state };
};

const targetOf = (partition: number) => {
  const target = {
    topic: "t",
    partition,
    wanted: 0 as number | undefined,
    deliver: ({ next }: { next: number }) => {
      target.wanted = next;
    },
    outOfRange: () => {},
  };
  return target satisfies FetchTarget;
};

let fetcher: Fetcher | undefined;
afterEach(() => fetcher?.close());

test("a partition without a leader does not hold up the others, neither at the beginning nor after an error", async () => {
  const { cluster, state } = clusterOf([1, null]);
  fetcher = new Fetcher(cluster, () => {});
  const [led, leaderless] = [targetOf(0), targetOf(1)];
  fetcher.add([led, leaderless]);
  await eventually(() => expect(led.wanted).toBeGreaterThan(0), 5_000);
  state.failNext = true;
  await eventually(() => expect(state.failNext).toBe(false), 5_000);
  const before = led.wanted ?? 0;
  await eventually(() => expect(led.wanted).toBeGreaterThan(before), 5_000);
  expect(leaderless.wanted).toBe(0);
  // Moved to another node, and led at last.
  state.leaders = [2, 2];
  await eventually(() => expect(leaderless.wanted).toBeGreaterThan(0), 10_000);
});

test("the bounds of the partitions that have a leader are told", async () => {
  const { cluster } = clusterOf([1, null]);
  expect(await boundsOf(cluster, "t", [0, 1])).toEqual(new Map([[0, { first: 7, end: 7 }]]));
});
