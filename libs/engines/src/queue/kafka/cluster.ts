import type { Kafka } from "kafkajs";

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
  const symbol = Object.getOwnPropertySymbols(kafka).find((s) => s.description === "private:Kafka:createCluster");
  if (symbol === undefined) throw new Error("this version of kafkajs is not known here");
  const create = (kafka as unknown as Record<symbol, CreateCluster>)[symbol] as CreateCluster;
  return create({ metadataMaxAge: 60_000, allowAutoTopicCreation: false, isolationLevel: 1 });
};

export interface Bounds {
  readonly first: number;
  readonly end: number;
}

/** The first and the next offset of partitions of a topic. @throws KafkaError; Error when Kafka leaves one out */
export const boundsOf = async (cluster: Cluster, topic: string, partitions: readonly number[]): Promise<Map<number, Bounds>> => {
  if (!cluster.isConnected()) await cluster.connect();
  await cluster.addMultipleTargetTopics([topic]);
  const asked = partitions.map((partition) => ({ partition }));
  const ask = async (fromBeginning: boolean): Promise<Map<number, number>> => {
    const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions: asked, fromBeginning }]);
    return new Map(answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  };
  try {
    const [firsts, ends] = await Promise.all([ask(true), ask(false)]);
    return new Map(
      partitions.map((partition) => {
        const first = firsts.get(partition);
        const end = ends.get(partition);
        if (first === undefined || end === undefined) throw new Error(`partition ${partition} of ${topic} has no leader`);
        return [partition, { first, end }];
      }),
    );
  } catch (error) {
    // Whatever it was, the leaders may be others now; the caller tries again.
    await cluster.refreshMetadata().catch(() => {});
    throw error;
  }
};
