import { commandRecord, conversationIdOf, deadLetterRecord } from "@dunlin/domain";
import { COMMANDS, deadTopic, sys } from "@dunlin/proto";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { failureOf } from "./caller.js";
import { framesOf, startSys } from "./fixture.js";

const { QueueServiceService: queues } = sys;

test("dead letters are listed and replayed, the same one twice without a double", async () => {
  const { caller, suite, addUser } = await startSys();
  const { queue } = suite.host.engines;
  const [ann, bob] = [await addUser("ann"), await addUser("bob")];
  const list = (fromOffset = 0, limit = 500) => caller.ask(queues.listDeadLetters, { topic: COMMANDS, fromOffset, limit });
  const replay = (...deadOffsets: number[]) => caller.ask(queues.replay, { topic: COMMANDS, deadOffsets });
  expect(await list()).toEqual({ items: [], nextOffset: 0 });

  await queue.produce(COMMANDS, [{ key: "junk", value: Buffer.from("not a command at all") }]);
  const [junk] = await eventually("the dead letter", async () => {
    const { items } = await list();
    return items.length === 1 && items;
  });
  expect(junk).toMatchObject({ deadOffset: 0, topic: COMMANDS, offset: 0, key: "junk" });
  expect(junk?.reason).not.toBe("");
  expect(Buffer.from(junk?.value ?? []).toString()).toBe("not a command at all");

  const conversationId = conversationIdOf(ann, bob);
  const { key, value } = commandRecord(conversationId, {
    commandId: "112233445566778899",
    requestId: "",
    acceptedAt: Date.now(),
    body: {
      $case: "send",
      value: {
        id: "112233445566778899",
        conversationId,
        senderId: ann,
        to: bob,
        clientMsgId: "1",
        payload: '{"msg_type":"text","text":"late"}',
        createdAt: Date.now(),
        mentions: [],
        bodyHash: Buffer.alloc(32),
        deviceId: "",
      },
    },
  });
  const stood = { partition: 3, offset: 42, key, value, timestamp: Date.now() };
  await queue.produce(deadTopic(COMMANDS), [
    deadLetterRecord(COMMANDS, stood, "a bug that is mended now", Date.now()),
    deadLetterRecord(COMMANDS, { ...stood, value: null }, "no value", Date.now()),
    { key: "", value: Buffer.from("no dead letter") },
  ]);
  const all = await list();
  expect(all.nextOffset).toBe(4);
  expect(all.items.map(({ deadOffset, reason }) => [deadOffset, reason]).slice(1)).toEqual([
    [1, "a bug that is mended now"],
    [2, "no value"],
    [3, "this record is not a dead letter"],
  ]);
  expect(await list(1, 1)).toMatchObject({ items: [{ deadOffset: 1, partition: 3, offset: 42 }], nextOffset: 2 });
  expect(await list(4)).toEqual({ items: [], nextOffset: 4 });

  expect(await replay(1)).toEqual({ replayed: 1 });
  await eventually("bob has it", async () => (await framesOf(caller, bob)).length === 1);
  expect(await replay(1)).toEqual({ replayed: 1 });
  for (const offset of [2, 3]) expect(await failureOf(replay(offset))).toMatchObject({ status: status.INVALID_ARGUMENT });
  expect(await failureOf(replay(99))).toMatchObject({ status: status.NOT_FOUND });
  // What is still wrong becomes a dead letter again.
  expect(await replay(0)).toEqual({ replayed: 1 });
  await eventually("dead again", async () => (await list()).items.length === 5);

  const lag = () => caller.ask(queues.lag, { topic: COMMANDS, group: "" });
  await eventually("nothing lags", async () => (await lag()).partitions.every(({ committed, end }) => committed === end));
  const { partitions } = await lag();
  expect(partitions).toHaveLength(64);
  expect(partitions.reduce((sum, { end }) => sum + end, 0)).toBe(4);
  expect((await caller.ask(queues.lag, { topic: "pushes", group: "" })).partitions).toHaveLength(16);
  expect(await framesOf(caller, bob)).toHaveLength(1);
});
