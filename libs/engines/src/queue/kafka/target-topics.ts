import type { Kafka } from "kafkajs";

const UNKNOWN = "UNKNOWN_TOPIC_OR_PARTITION";

/** The part of kafkajs's cluster that is put right here. */
interface TargetingCluster {
  /** What its metadata is asked for. */
  targetTopics: Set<string>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  metadata(request: { topics: readonly string[] }): Promise<{ topicMetadata: readonly { readonly topic: string }[] }>;
}

type CreateCluster = (options: Record<string, unknown>) => TargetingCluster;

/** kafkajs's way to make a cluster, which it keeps to itself. @throws Error when kafkajs is not the version this is written for */
export const createClusterOf = (kafka: Kafka): symbol => {
  const symbol = Object.getOwnPropertySymbols(kafka).find((s) => s.description === "private:Kafka:createCluster");
  if (symbol === undefined) throw new Error("this version of kafkajs is not known here");
  return symbol;
};

/**
 * A kafkajs cluster asks for the metadata of every topic that it ever dealt with, all in one request: once one of them is
 * deleted, the answer is an error, for all of them and for ever. With this the cluster forgets what is not there any more.
 */
export const mendTargetTopics = (kafka: Kafka): Kafka => {
  const symbol = createClusterOf(kafka);
  const clients = kafka as unknown as Record<symbol, CreateCluster>;
  const create = clients[symbol] as CreateCluster;
  clients[symbol] = (options) => mended(create(options));
  return kafka;
};

const mended = (cluster: TargetingCluster): TargetingCluster => {
  const forgiving =
    (refresh: () => Promise<void>): (() => Promise<void>) =>
    async () => {
      try {
        await refresh();
      } catch (error) {
        if ((error as { type?: string }).type !== UNKNOWN || !(await forgetMissing(cluster))) throw error;
        await refresh();
      }
    };
  const add = cluster.addMultipleTargetTopics.bind(cluster);
  cluster.refreshMetadata = forgiving(cluster.refreshMetadata.bind(cluster));
  cluster.refreshMetadataIfNecessary = forgiving(cluster.refreshMetadataIfNecessary.bind(cluster));
  cluster.addMultipleTargetTopics = async (topics) => {
    await add(topics);
    const missing = topics.find((topic) => !cluster.targetTopics.has(topic));
    if (missing !== undefined) throw Object.assign(new Error(`there is no topic ${missing}`), { type: UNKNOWN, retriable: true });
  };
  return cluster;
};

/** Whether there was anything to forget. */
const forgetMissing = async (cluster: TargetingCluster): Promise<boolean> => {
  const { topicMetadata } = await cluster.metadata({ topics: [] });
  const there = new Set(topicMetadata.map(({ topic }) => topic));
  const before = cluster.targetTopics.size;
  for (const topic of cluster.targetTopics) if (!there.has(topic)) cluster.targetTopics.delete(topic);
  return cluster.targetTopics.size < before;
};
