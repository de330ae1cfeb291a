import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { sleep } from "@dunlin/runtime";
import { expect, test } from "vitest";
import type { Store } from "../port/index.js";
import type { CrashTask } from "./crash-child.js";
import { newUsers, pairId, type StoreHarness, uniqueId } from "./fixture.js";

const SIZE = 120;
const KILLS = 5;

const start = (task: CrashTask): ChildProcess =>
  spawn(process.execPath, [fileURLToPath(new URL("./crash-child.js", import.meta.url)), JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
  });

/** Lets a child write some batches and kills it at some moment of a later one. @returns the last batch it said was stored. */
const writeAndKill = async (task: CrashTask): Promise<number> => {
  const child = start(task);
  const exited = once(child, "exit");
  let last = task.from - 1;
  if (!child.stdout) throw new Error("no output");
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (last === task.from + 2) {
      await sleep(Math.random() * 40);
      child.kill("SIGKILL");
    }
  }
  await exited;
  return last;
};

/** Every batch is there wholly or not at all, and the offset, the mailboxes and the conversations agree with it. */
const check = async (store: Store, { topic, users, size }: CrashTask, acknowledged: number): Promise<number> => {
  // A server may still be at the last write of the process that is gone: this waits for its locks.
  const next = (await store.ingest.transaction((tx) => tx.lockOffsets(topic, [0]))).get(0) ?? 0;
  expect(next).toBeGreaterThan(acknowledged);
  expect(next).toBeLessThanOrEqual(acknowledged + 2);
  for (let pair = 0; pair < users.length; pair += 2) {
    const [a, b] = [users[pair], users[pair + 1]] as [string, string];
    const batches = Array.from({ length: next }, (_, i) => i).filter((i) => (2 * i) % users.length === pair);
    const wanted = batches.length * size;
    const messages = await store.messages.history({ conversationId: pairId(a, b), limit: wanted + size });
    expect(messages.map((m) => m.clientMsgId)).toEqual(
      batches.flatMap((batch) => Array.from({ length: size }, (_, i) => `${topic}-${batch}-${i}`)),
    );
    expect(messages.map((m) => m.seq)).toEqual(Array.from({ length: wanted }, (_, i) => i + 1));
    expect((await store.conversations.get([pairId(a, b)]))[0]?.lastSeq ?? 0).toBe(wanted);
    for (const [user, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const { updates, pts } = await store.updates.difference(user, 0, wanted + size);
      expect(pts).toBe(wanted);
      expect(updates.map((u) => u.pts)).toEqual(Array.from({ length: wanted }, (_, i) => i + 1));
      expect((await store.dialogs.get(user, peer))?.unread ?? 0).toBe(await store.dialogs.recountUnread(user, peer));
    }
  }
  return next;
};

export const crashContract = (harness: () => StoreHarness): void => {
  test("a process killed in the middle of transactions leaves all or nothing of each, and loses nothing acknowledged", async () => {
    const { crashTarget, openCrashTarget } = harness();
    const prepare = await openCrashTarget();
    await prepare.migrate();
    const users = await newUsers(prepare, 6);
    await prepare.close();
    let task: CrashTask = { target: crashTarget, topic: uniqueId("crash-"), from: 0, users, size: SIZE };
    for (let kill = 0; kill < KILLS; kill++) {
      const acknowledged = await writeAndKill(task);
      expect(acknowledged).toBeGreaterThanOrEqual(task.from + 2);
      const store = await openCrashTarget();
      try {
        task = { ...task, from: await check(store, task, acknowledged) };
      } finally {
        await store.close();
      }
    }
  }, 60_000);
};
