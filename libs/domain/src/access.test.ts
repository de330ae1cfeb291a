import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noChanges, openStore, type Store } from "@dunlin/engines/store";
import { AppError, createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Access } from "./access.js";
import { newId } from "./ids.js";

let folder: string;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dunlin-access-"));
  const deps = {
    logger: createLogger({ service: "test", level: "silent" }),
    metrics: new Metrics(),
    clock: systemClock,
    dataDir: folder,
    namespace: "test",
  };
  store = await openStore({ IM_STORE_URL: undefined, IM_STORE_POOL: 2 } as Parameters<typeof openStore>[0], deps);
  await store.migrate();
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const user = async (): Promise<string> => {
  const id = newId("U");
  await store.users.create({ id, account: id.toLowerCase(), passwordHash: "", nickname: "", avatar: "", createdAt: 1 });
  return id;
};
const addMember = (groupId: string, userId: string) =>
  store.ingest.transaction((tx) =>
    tx.write({
      ...noChanges,
      conversations: [{ id: groupId, kind: "group", lastSeq: 0, title: "", avatar: "", ownerId: userId, createdAt: 1 }],
      membersAdded: [{ conversationId: groupId, userId, role: "member", joinedSeq: 0, joinedAt: 1, mutedUntil: 0, lastSentAt: 0 }],
    }),
  );

const setup = () => {
  const clock = { at: 0, now: () => clock.at };
  const state = { away: false, loads: 0 };
  const gate =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> => {
      state.loads += 1;
      return state.away ? Promise.reject(new AppError("UNAVAILABLE")) : call(...args);
    };
  const users = { ...store.users, get: gate((ids: readonly string[]) => store.users.get(ids)) };
  const conversations = { ...store.conversations, members: gate((id: string) => store.conversations.members(id)) };
  return { clock, state, access: new Access({ users, conversations, groups: store.groups, supergroups: store.supergroups }, clock) };
};

test("users that exist are known without asking again; those that do not are refused each time", async () => {
  const { access, state } = setup();
  const ann = await user();
  await Promise.all([access.check("U", ann), access.check("U", ann)]);
  expect(state.loads).toBe(1);
  state.away = true;
  expect(access.check("U", ann)).toBeUndefined();
  await expect(access.check("U", newId("U"))).rejects.toMatchObject({ code: "UNAVAILABLE" });
  state.away = false;
  await expect(access.check("U", newId("U"))).rejects.toMatchObject({ code: "PEER_NOT_FOUND" });
  expect(() => access.check("U", newId("F"))).toThrow(expect.objectContaining({ code: "PEER_NOT_FOUND" }));
  await expect(access.check("U", newId("C"))).rejects.toMatchObject({ code: "NOT_A_MEMBER" });
  const nobody = newId("U");
  expect(await access.missingUsers([ann, nobody])).toEqual([nobody]);
});

test("members are asked for once in five seconds; who was just added elsewhere gets in at once", async () => {
  const { access, clock, state } = setup();
  const [ann, bob, group] = [await user(), await user(), newId("G")];
  await addMember(group, ann);
  await access.check(ann, group);
  expect(access.check(ann, group)).toBeUndefined();
  expect(state.loads).toBe(1);
  await expect(access.check(bob, group)).rejects.toMatchObject({ code: "NOT_A_MEMBER" });
  expect(state.loads).toBe(2);
  await addMember(group, bob);
  await access.check(bob, group);
  expect(state.loads).toBe(3);
  expect(access.check(ann, group)).toBeUndefined();
  expect((await access.members(ann, group)).map((m) => m.userId).sort()).toEqual([ann, bob].sort());
  expect(state.loads).toBe(4);
  clock.at = 6_000;
  await access.check(ann, group);
  expect(state.loads).toBe(5);
});

test("a crowd that asks at once costs two loads at most", async () => {
  const { access, state } = setup();
  const [ann, bob, group] = [await user(), await user(), newId("G")];
  await addMember(group, ann);
  // This load sees the group as it was; nobody of the crowd may be refused by it.
  const first = access.check(ann, group);
  await addMember(group, bob);
  const crowd = Array.from({ length: 20 }, () => access.membership(bob, group));
  await Promise.all([first, ...crowd]);
  expect(state.loads).toBeLessThanOrEqual(3);
});

test("while the store is away the members known last count", async () => {
  const { access, clock, state } = setup();
  const [ann, group] = [await user(), newId("G")];
  await addMember(group, ann);
  await access.check(ann, group);
  state.away = true;
  clock.at = 60_000;
  await access.check(ann, group);
  await expect(access.check(ann, newId("G"))).rejects.toMatchObject({ code: "UNAVAILABLE" });
});
