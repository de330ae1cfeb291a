import { DURABLE_TOPICS } from "@dunlin/domain";
import type { ProduceRecord, QueueRecord } from "@dunlin/engines/queue";
import { COMMANDS, deadTopic, PUSHES, queue as records, SCHEMA_VERSION, type sys } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import type { Handlers } from "./unary.js";

const LIST_MAX = 500;
const REPLAY_MAX = 500;
/** Dead letters read at once while replaying: each may hold a megabyte. */
const READ_AT_ONCE = 32;
/** An answer stays below the 4 MiB a gRPC client accepts. */
const ANSWER_BYTES = 3 * 1024 * 1024;
const OFFSET_MAX = Number.MAX_SAFE_INTEGER;
/** The consumer group that reads a topic, when the caller names none. */
const GROUPS: Readonly<Record<string, string>> = { [COMMANDS]: "ingest", [PUSHES]: "pn" };
const GROUP_MAX = 128;

/** A dead letter, undefined for a record of the dead-letter topic that is none. */
const decode = (record: QueueRecord): records.DeadLetter | undefined => {
  if (record.value === null) return undefined;
  try {
    const letter = records.DeadLetter.decode(record.value);
    return letter.version === SCHEMA_VERSION ? letter : undefined;
  } catch {
    return undefined;
  }
};

const toEntry = (topic: string, record: QueueRecord): sys.DeadLetterEntry => {
  const letter = decode(record);
  if (letter) {
    const { partition, offset, key, value, reason, failedAt } = letter;
    return { deadOffset: record.offset, topic: letter.topic, partition, offset, key, value, reason, failedAt };
  }
  return {
    deadOffset: record.offset,
    topic,
    partition: 0,
    offset: 0,
    key: record.key ?? "",
    value: Buffer.from(record.value ?? []),
    reason: "this record is not a dead letter",
    failedAt: record.timestamp,
  };
};

/** What a dead letter stands for, to be produced again. @throws AppError BAD_REQUEST when it cannot be. */
const toReplay = (topic: string, record: QueueRecord): ProduceRecord => {
  const letter = decode(record);
  const refuse = (why: string): AppError =>
    new AppError("BAD_REQUEST", `dead letter ${record.offset} cannot be replayed: ${why}`, { details: { field: "dead_offsets" } });
  if (!letter) throw refuse("it is not a dead letter");
  if (letter.topic !== topic) throw refuse(`it came from ${letter.topic}`);
  if (letter.keyMissing || letter.valueMissing) throw refuse(`the record had no ${letter.keyMissing ? "key" : "value"}`);
  return { key: letter.key, value: letter.value };
};

export const queueService = ({ queue, store, logger }: SysContext): Handlers<typeof sys.QueueServiceService> => {
  const replayBatch = async (topic: string, offsets: readonly number[]): Promise<{ replay: ProduceRecord[]; rest: number[] }> => {
    const first = offsets[0] as number;
    const { records: read } = await queue.read(deadTopic(topic), 0, first, READ_AT_ONCE);
    if (read[0]?.offset !== first)
      throw new AppError("NOT_FOUND", `there is no dead letter ${first}`, { details: { field: "dead_offsets" } });
    const wanted = new Set(offsets);
    const last = (read.at(-1) as QueueRecord).offset;
    const found = read.filter((record) => wanted.has(record.offset));
    const missing = offsets.find((offset) => offset <= last && !found.some((record) => record.offset === offset));
    if (missing !== undefined)
      throw new AppError("NOT_FOUND", `there is no dead letter ${missing}`, { details: { field: "dead_offsets" } });
    return { replay: found.map((record) => toReplay(topic, record)), rest: offsets.filter((offset) => offset > last) };
  };

  return {
    listDeadLetters: async (request) => {
      const topic = field.oneOf("topic", request.topic, DURABLE_TOPICS);
      const from = field.integer("from_offset", request.fromOffset, 0, OFFSET_MAX);
      const limit = field.integer("limit", request.limit, 1, LIST_MAX);
      const { records: read } = await queue.read(deadTopic(topic), 0, from, limit);
      const items: sys.DeadLetterEntry[] = [];
      let bytes = 0;
      for (const record of read) {
        bytes += (record.value?.byteLength ?? 0) + 256;
        if (bytes > ANSWER_BYTES && items.length > 0) break;
        items.push(toEntry(topic, record));
      }
      return { items, nextOffset: (items.at(-1)?.deadOffset ?? from - 1) + 1 };
    },
    replay: async (request, caller) => {
      const topic = field.oneOf("topic", request.topic, DURABLE_TOPICS);
      const checkOffset = (name: string, value: number): number => field.integer(name, value, 0, OFFSET_MAX);
      const given = field.list("dead_offsets", request.deadOffsets, 1, REPLAY_MAX, checkOffset);
      let rest = [...given].sort((a, b) => a - b);
      let replayed = 0;
      while (rest.length > 0) {
        const batch = await replayBatch(topic, rest);
        await queue.produce(topic, batch.replay);
        replayed += batch.replay.length;
        rest = batch.rest;
      }
      logger.info({ topic, replayed, by: caller.service, request_id: caller.requestId }, "dead letters replayed");
      return { replayed };
    },
    lag: async (request) => {
      const topic = field.oneOf("topic", request.topic, DURABLE_TOPICS);
      const group = field.text("group", request.group, 0, GROUP_MAX) || GROUPS[topic];
      if (group === undefined) throw new AppError("BAD_REQUEST", "group: must be given for this topic", { details: { field: "group" } });
      const positions = await queue.lag(topic, group);
      if (topic !== COMMANDS || group !== GROUPS[COMMANDS]) return { partitions: positions.map((position) => ({ ...position })) };
      // Ingest keeps its offsets in the store, with what it writes; what it commits to the queue is a hint.
      const stored = await store.ingest.offsets(
        topic,
        positions.map((position) => position.partition),
      );
      return {
        partitions: positions.map(({ partition, end }) => ({ partition, committed: stored.get(partition)?.nextOffset ?? 0, end })),
      };
    },
  };
};
