import type { Kafka } from "kafkajs";
import { createClusterOf } from "./target-topics.js";

/** kafkajs's own view of the cluster, which it does not offer to the outside: requests without a consumer around them. */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  removeBroker(address: { host: string; port: number }): void;
  findBroker(node: { nodeId: string }): Promise<Broker>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number | null }[];
  fetchTopicsOffset(
    topics: readonly { topic: string; partitions: readonly { partition: number }[]; fromBeginning: boolean }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
}

interface Broker {
  fetch(request: FetchRequest): Promise<{ responses: { topicName: string; partitions: FetchedPartition[] }[] }>;
}

interface FetchRequest {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: number;
  readonly topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
}

export interface FetchedPartition {
  readonly partition: number;
  readonly highWatermark: string;
  readonly messages: readonly FetchedMessage[];
}

interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly isControlRecord?: boolean;
}

type CreateCluster = (options: { metadataMaxAge: number; allowAutoTopicCreation: boolean; isolationLevel: number }) => Cluster;

/** @throws Error when kafkajs is not the version this is written for */
export const newCluster = (kafka: Kafka): Cluster => {
  const create = (kafka as unknown as Record<symbol, CreateCluster>)[createClusterOf(kafka)] as CreateCluster;
  return create({ metadataMaxAge: 60_000, allowAutoTopicCreation: false, isolationLevel: 1 });
};

export interface Bounds {
  readonly first: number;
  readonly end: number;
}

/** The first and the next offset of those of the partitions that have a leader. @throws KafkaError */
export const boundsOf = async (cluster: Cluster, topic: string, partitions: readonly number[]): Promise<Map<number, Bounds>> => {
  if (!cluster.isConnected()) await cluster.connect();
  await cluster.addMultipleTargetTopics([topic]);
  try {
    const led = new Set(cluster.findTopicPartitionMetadata(topic).flatMap((p) => (hasLeader(p) ? p.partitionId : [])));
    const asked = partitions.filter((partition) => led.has(partition)).map((partition) => ({ partition }));
    // Perhaps the others have one by the next time.
    if (asked.length < partitions.length) await cluster.refreshMetadata();
    if (asked.length === 0) return new Map();
    const ask = async (fromBeginning: boolean): Promise<Map<number, number>> => {
      const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions: asked, fromBeginning }]);
      return new Map(answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    };
    const [firsts, ends] = await Promise.all([ask(true), ask(false)]);
    const bounds = new Map<number, Bounds>();
    for (const { partition } of asked) {
      const [first, end] = [firsts.get(partition), ends.get(partition)];
      if (first !== undefined && end !== undefined) bounds.set(partition, { first, end });
    }
    return bounds;
  } catch (error) {
    // Whatever it was, the leaders may be others now; the caller tries again.
    await cluster.refreshMetadata().catch(() => {});
    throw error;
  }
};

/** The same of one partition. @throws also Error when it has no leader, or is not there */
export const boundsOfOne = async (cluster: Cluster, topic: string, partition: number): Promise<Bounds> => {
  const bounds = (await boundsOf(cluster, topic, [partition])).get(partition);
  if (bounds === undefined) throw new Error(`partition ${partition} of ${topic} has no leader`);
  return bounds;
};

export const hasLeader = ({ leader }: { readonly leader: number | null }): boolean => leader !== null && leader >= 0;
