import type { TopicSpec } from "../port.js";
import { Brake } from "./brake.js";
import type { DurablePartition } from "./durable-partition.js";
import type { ConsumerGroup } from "./group.js";
import type { TransientPartition } from "./transient-partition.js";

/** A topic of this process. `offsets` holds per group where it stands, by partition; a hole where it never committed. */
interface TopicBase<D extends boolean, P> {
  readonly name: string;
  readonly durable: D;
  readonly partitions: readonly P[];
  readonly offsets: Map<string, number[]>;
  readonly groups: Map<string, ConsumerGroup>;
  /** As the topic's newest spec says. */
  retentionMs: number | undefined;
  brake: Brake | undefined;
}

export type DurableTopic = TopicBase<true, DurablePartition>;
export type TransientTopic = TopicBase<false, TransientPartition>;
export type Topic = DurableTopic | TransientTopic;

export const newTopic = <D extends boolean, P>(name: string, durable: D, partitions: readonly P[]): TopicBase<D, P> => ({
  name,
  durable,
  partitions,
  offsets: new Map(),
  groups: new Map(),
  retentionMs: undefined,
  brake: undefined,
});

/** The group's offsets on the topic, to be changed in place. */
export const offsetsOf = (topic: Topic, group: string): number[] => {
  let offsets = topic.offsets.get(group);
  if (offsets === undefined) {
    offsets = [];
    topic.offsets.set(group, offsets);
  }
  return offsets;
};

/** Records that wait for the group that is furthest behind, of those that read the topic in this process. */
const furthestBehind = (topic: Topic): number => {
  let most = 0;
  for (const group of topic.groups.keys()) {
    const offsets = topic.offsets.get(group);
    let behind = 0;
    for (const { partition, first, end } of topic.partitions) behind += end - (offsets?.[partition] ?? first);
    if (behind > most) most = behind;
  }
  return most;
};

/** Takes over what the topic's newest spec says. */
export const follow = (topic: Topic, { retentionMs, maxBehind }: TopicSpec): void => {
  topic.retentionMs = retentionMs;
  topic.brake = maxBehind === undefined ? undefined : new Brake(() => furthestBehind(topic), maxBehind);
};
