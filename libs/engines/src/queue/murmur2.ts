const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** murmur2 as Kafka's Java client computes it: 32 bit, unsigned. */
export const murmur2 = (data: Uint8Array, length = data.length): number => {
  let h = SEED ^ length;
  const blocks = length & ~3;
  let i = 0;
  for (; i < blocks; i += 4) {
    let k = (data[i] as number) | ((data[i + 1] as number) << 8) | ((data[i + 2] as number) << 16) | ((data[i + 3] as number) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    k = Math.imul(k, M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = length - blocks;
  if (rest >= 3) h ^= (data[i + 2] as number) << 16;
  if (rest >= 2) h ^= (data[i + 1] as number) << 8;
  if (rest >= 1) {
    h ^= data[i] as number;
    h = Math.imul(h, M);
  }
  h ^= h >>> 13;
  h = Math.imul(h, M);
  h ^= h >>> 15;
  return h >>> 0;
};

const scratch = Buffer.allocUnsafeSlow(1024);

/** The partition of a key among `partitions`, as Kafka's default partitioner places it. */
export const partitionOf = (key: string, partitions: number): number => {
  if (partitions === 1) return 0;
  // Short keys (all of ours) go through one buffer that is reused: no allocation a record.
  const hash = key.length * 3 <= scratch.length ? murmur2(scratch, scratch.write(key, "utf8")) : murmur2(Buffer.from(key, "utf8"));
  return (hash & 0x7fffffff) % partitions;
};
