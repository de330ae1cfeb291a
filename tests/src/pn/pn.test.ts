import { durableTopics, newId } from "@dunlin/domain";
import { noChanges } from "@dunlin/engines/store";
import { createLogProvider, createPnService, type PnContext, type Push, type PushOutcome, type PushProvider, pnOptions } from "@dunlin/pn";
import { deadTopic, PUSHES, queue as records, SCHEMA_VERSION } from "@dunlin/proto";
import type { Service } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { atEnd, createGate, openEmbedded } from "../support/embedded-host.js";
import { eventually } from "../support/eventually.js";

const TEXT = "the secret text";
const DAY_MS = 86_400_000;

/** A provider that is told what to answer, in place of somebody else's service. */
const scripted = (
  answer: (push: Push, attempt: number) => PushOutcome | Promise<PushOutcome>,
): PushProvider & { readonly taken: Push[] } => {
  const taken: Push[] = [];
  const attempts = new Map<string, number>();
  return {
    name: "scripted",
    taken,
    send: async (push) => {
      const key = `${push.deviceId} ${push.messageId}`;
      const attempt = (attempts.get(key) ?? 0) + 1;
      attempts.set(key, attempt);
      const outcome = await answer(push, attempt);
      if (outcome.kind === "sent") taken.push(push);
      return outcome;
    },
  };
};

const open = async (env: Record<string, string> = {}) => {
  const settings = { IM_PUSH_RETRY_MS: "1", ...env };
  const { host, config, logged } = await openEmbedded(pnOptions, ["store", "queue"], settings);
  const { logger, metrics, health, clock, engines } = host;
  const { store, queue } = engines;
  await queue.ensureTopics(durableTopics(config.IM_QUEUE_PARTITIONS));
  const start = async (provider: PushProvider, changes: Partial<PnContext> = {}): Promise<Service> => {
    const service = createPnService({ config, logger, metrics, health, clock, ...engines, provider, ...changes });
    atEnd(() => service.stop());
    await service.start();
    return service;
  };
  const addUser = async (): Promise<string> => {
    const id = newId("U");
    await store.users.create({ id, account: id, passwordHash: "", nickname: "", avatar: "", createdAt: Date.now() });
    return id;
  };
  const addDevice = async (userId: string, deviceId: string): Promise<string> => {
    const now = Date.now();
    const times = { createdAt: now, lastUsedAt: now, expiresAt: now + DAY_MS, revokedAt: null };
    const id = newId("D");
    await store.sessions.open({ id, userId, deviceId, platform: "ios", refreshHash: id, ...times });
    return id;
  };
  let messageId = 112_233_445_566_778n;
  const push = async (userId: string, changes: Partial<records.Push> = {}): Promise<string> => {
    messageId += 1n;
    const message: records.Push = {
      version: SCHEMA_VERSION,
      userId,
      messageId: String(messageId),
      conversationId: "G11111111111111",
      type: "C2G",
      from: "U11111111111111",
      payload: JSON.stringify({ msg_type: "text", text: TEXT }),
      push: undefined,
      pts: 1,
      createdAt: Date.now(),
      mention: false,
      ...changes,
    };
    await queue.produce(PUSHES, [{ key: userId, value: records.Push.encode(message).finish() }]);
    return message.messageId;
  };
  const dead = async (): Promise<records.DeadLetter[]> => {
    const read = await queue.read(deadTopic(PUSHES), 0, 0, 100);
    return read.records.map((record) => records.DeadLetter.decode(record.value as Uint8Array));
  };
  const allRead = async (): Promise<boolean> => (await queue.lag(PUSHES, "pn")).every(({ committed, end }) => committed === end);
  return { host, logger, logged, store, queue, start, addUser, addDevice, push, dead, allRead };
};

test("the log provider names user, device and message of each active session, and never the text", async () => {
  const { logger, logged, store, start, addUser, addDevice, push, allRead } = await open();
  const [ann, bob] = [await addUser(), await addUser()];
  await addDevice(ann, "phone");
  await addDevice(ann, "tablet");
  await store.sessions.revoke(ann, [await addDevice(ann, "lost")], Date.now());
  await start(createLogProvider(logger));
  const id = await push(ann);
  await push(bob);
  await eventually("all are read", allRead);
  const lines = logged.filter((line) => line["msg"] === "push");
  expect(lines.map((line) => [line["user_id"], line["device_id"], line["message_id"]]).sort()).toEqual([
    [ann, "phone", id],
    [ann, "tablet", id],
  ]);
  expect(JSON.stringify(logged)).not.toContain(TEXT);
});

test("what is no push becomes a dead letter with its reason, and the good ones beside it are sent", async () => {
  const { queue, start, addUser, addDevice, push, dead, allRead, host } = await open();
  const ann = await addUser();
  await addDevice(ann, "phone");
  const first = await push(ann);
  await queue.produce(PUSHES, [
    { key: ann, value: Buffer.from("junk") },
    { key: ann, value: Buffer.alloc(900_000, 0xff) },
    { key: ann, value: Buffer.alloc(0) },
  ]);
  await push(ann, { version: 99 });
  await push(ann, { userId: "ann" });
  await push(ann, { messageId: "0" });
  await push(ann, { push: "{" });
  await queue.produce(PUSHES, [{ key: "another", value: records.Push.encode({ ...EMPTY, userId: ann, messageId: "1" }).finish() }]);
  const last = await push(ann);
  const provider = scripted(() => ({ kind: "sent" }));
  await start(provider);
  await eventually("all are read", allRead);
  expect(provider.taken.map(({ messageId }) => messageId)).toEqual([first, last]);
  const letters = await dead();
  expect(letters.map(({ reason }) => reason).sort()).toEqual(
    [
      "key is not the user",
      "no value",
      "not a push",
      "not a push",
      "unknown schema version 99",
      "wrong message id",
      "wrong push preferences",
      "wrong user id",
    ].sort(),
  );
  expect(letters.every(({ topic }) => topic === PUSHES)).toBe(true);
  const unknown = letters.find(({ reason }) => reason.startsWith("unknown"));
  expect(records.Push.decode(unknown?.value ?? Buffer.alloc(0))).toMatchObject({ version: 99, userId: ann });
  expect(await host.metrics.registry.metrics()).toContain('dunlin_dead_letters_total{topic="pushes"} 8');
});

const EMPTY: records.Push = {
  version: SCHEMA_VERSION,
  userId: "",
  messageId: "",
  conversationId: "",
  type: "C2C",
  from: "",
  payload: "{}",
  push: undefined,
  pts: 1,
  createdAt: 0,
  mention: false,
};

test("a failing provider is asked again, a bounded number of times; then a dead letter says why", async () => {
  const { start, addUser, addDevice, push, dead, allRead, host } = await open({ IM_PUSH_ATTEMPTS: "3", IM_PUSH_TIMEOUT_MS: "100" });
  const ann = await addUser();
  for (const device of ["throws", "later", "hangs", "refuses", "gone", "late but well"]) await addDevice(ann, device);
  const asked = new Map<string, number>();
  const provider = scripted((push, attempt) => {
    asked.set(push.deviceId, attempt);
    if (push.deviceId === "throws") throw new Error("connection refused");
    if (push.deviceId === "later") return { kind: "later", reason: "too many requests", retryAfterMs: 5 };
    if (push.deviceId === "hangs") return new Promise(() => {});
    if (push.deviceId === "refuses") return { kind: "refused", reason: "payload too large" };
    if (push.deviceId === "gone") return { kind: "gone" };
    return attempt < 3 ? { kind: "later", reason: "busy" } : { kind: "sent" };
  });
  await start(provider);
  const id = await push(ann);
  await eventually("all are read", allRead);
  expect(Object.fromEntries(asked)).toEqual({ throws: 3, later: 3, hangs: 3, refuses: 1, gone: 1, "late but well": 3 });
  expect(provider.taken.map(({ deviceId, messageId }) => [deviceId, messageId])).toEqual([["late but well", id]]);
  const [letter, ...more] = await dead();
  expect(more).toEqual([]);
  expect(letter).toMatchObject({ topic: PUSHES, key: ann });
  for (const reason of ["connection refused", "too many requests", "timed out after 100 ms", "payload too large"]) {
    expect(letter?.reason).toContain(reason);
  }
  const text = await host.metrics.registry.metrics();
  expect(text).toContain('dunlin_push_outcomes_total{provider="scripted",outcome="failed"} 4');
  expect(text).toContain('dunlin_push_outcomes_total{provider="scripted",outcome="sent"} 1');
  expect(text).toContain('dunlin_push_retries_total{provider="scripted"} 8');
});

test("a bounded number at a time, and a user's pushes in their order", async () => {
  const { start, addUser, addDevice, push, allRead } = await open({ IM_PUSH_CONCURRENCY: "4" });
  const users = await Promise.all(Array.from({ length: 12 }, addUser));
  for (const user of users) await addDevice(user, "phone");
  const expected = new Map<string, string[]>();
  for (let round = 0; round < 3; round++) {
    for (const user of users) expected.set(user, [...(expected.get(user) ?? []), await push(user)]);
  }
  let underWay = 0;
  let most = 0;
  const provider = scripted(async () => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    return { kind: "sent" };
  });
  await start(provider);
  await eventually("all are read", allRead);
  expect(most).toBeLessThanOrEqual(4);
  for (const user of users) {
    expect(provider.taken.filter(({ userId }) => userId === user).map(({ messageId }) => messageId)).toEqual(expected.get(user));
  }
});

test("drained while the provider fails: nothing is dropped, the next one takes it up", async () => {
  const { start, addUser, addDevice, push, dead, allRead } = await open({ IM_PUSH_RETRY_MS: "60000" });
  const [ann, bob] = [await addUser(), await addUser()];
  await addDevice(ann, "phone");
  await addDevice(bob, "phone");
  const failing = scripted(() => ({ kind: "later", reason: "away" }));
  const gate = createGate();
  const first = await start({
    ...failing,
    send: async (push, signal) => {
      void gate.pass();
      return failing.send(push, signal);
    },
  });
  const ids = [await push(ann), await push(bob)];
  await eventually("it was tried", gate.reached);
  await first.drain();
  expect(await allRead()).toBe(false);
  expect(await dead()).toEqual([]);
  const well = scripted(() => ({ kind: "sent" }));
  await start(well);
  await eventually("all are read", allRead);
  expect(well.taken.map(({ messageId }) => messageId).sort()).toEqual(ids.sort());
});

test("while the store is away pushes wait, none is sent twice or dropped", async () => {
  const { store, start, addUser, addDevice, push, dead, allRead, logged } = await open();
  const ann = await addUser();
  await addDevice(ann, "phone");
  let away = true;
  const flaky = {
    ...store,
    sessions: {
      ...store.sessions,
      list: async (userId: string, now: number) => {
        if (away) throw new Error("the store is away");
        return store.sessions.list(userId, now);
      },
    },
  };
  const provider = scripted(() => ({ kind: "sent" }));
  await start(provider, { store: flaky });
  const id = await push(ann);
  await eventually("it waits", () => logged.some((line) => line["msg"] === "the store is away; pushes wait"));
  away = false;
  await eventually("all are read", allRead);
  expect(provider.taken.map(({ messageId }) => messageId)).toEqual([id]);
  expect(await dead()).toEqual([]);
});

test("who is not to be disturbed gets no push, mentions apart", async () => {
  const { store, start, addUser, addDevice, push, dead, allRead, host } = await open();
  const [ann, bob, cem] = [await addUser(), await addUser(), await addUser()];
  for (const user of [ann, bob, cem]) await addDevice(user, "phone");
  const always = JSON.stringify({ from: "00:00", to: "00:00", timezone: "Asia/Shanghai", days: [1, 2, 3, 4, 5, 6, 7] });
  const conversationId = "G11111111111111";
  await store.ingest.transaction((tx) =>
    tx.write({
      ...noChanges,
      dnd: [
        { userId: ann, snoozeUntil: Date.now() + DAY_MS, schedule: null, allowMentions: false },
        { userId: bob, snoozeUntil: Date.now() - 1, schedule: always, allowMentions: true },
      ],
    }),
  );
  await push(ann, { mention: true });
  await push(bob);
  const mention = await push(bob, { mention: true });
  const other = await push(cem, { conversationId });
  const provider = scripted(() => ({ kind: "sent" }));
  await start(provider);
  await eventually("all are read", allRead);
  expect(provider.taken.map(({ messageId }) => messageId).sort()).toEqual([mention, other].sort());
  expect(await dead()).toEqual([]);
  expect(await host.metrics.registry.metrics()).toContain("dunlin_pushes_quiet_total 2");
});
