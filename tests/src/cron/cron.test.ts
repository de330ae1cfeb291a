import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type CronContext, createCronService, cronOptions } from "@dunlin/cron";
import { newId, Snowflakes } from "@dunlin/domain";
import type { Host } from "@dunlin/engines/host";
import { noChanges, type SessionRow, type Store } from "@dunlin/engines/store";
import { AppError, type Clock, systemClock } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { atEnd, createGate, type LogLine, openEmbedded, tempFolder } from "../support/embedded-host.js";
import { eventually } from "../support/eventually.js";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const open = async (env: Record<string, string> = {}, clock: Clock = systemClock) => {
  const { host, config, logged } = await openEmbedded(cronOptions, ["registry", "cache", "store", "queue", "blobs"], env, clock);
  const { logger, metrics, health, engines } = host;
  const lease = await engines.registry.leaseSlot("test");
  const context: CronContext = { config, logger, metrics, health, clock, ...engines, snowflakes: new Snowflakes(lease, clock) };
  /** A replica; its settings and engines may differ from the others'. */
  const replica = (changes: Partial<CronContext> = {}) => {
    const service = createCronService({ ...context, ...changes });
    atEnd(() => service.stop());
    return service;
  };
  return { host, config, context, logged, replica };
};

const done = (logged: readonly LogLine[], job: string): LogLine[] =>
  logged.filter((line) => line["msg"] === "job done" && line["job"] === job);

const addUser = async ({ users }: Pick<Store, "users">): Promise<string> => {
  const id = newId("U");
  await users.create({ id, account: id, passwordHash: "", nickname: "", avatar: "", createdAt: Date.now() });
  return id;
};

const addSession = async ({ sessions }: Pick<Store, "sessions">, userId: string, expiresAt: number): Promise<string> => {
  const id = newId("D");
  const now = Date.now();
  const session: SessionRow = {
    id,
    userId,
    deviceId: id,
    platform: "web",
    refreshHash: id,
    createdAt: now,
    lastUsedAt: now,
    expiresAt,
    revokedAt: null,
  };
  await sessions.open(session);
  return id;
};

/** Gives a user `count` updates. */
const addUpdates = async ({ ingest }: Pick<Store, "ingest">, userId: string, count: number, createdAt: number): Promise<void> => {
  await ingest.transaction(async (tx) => {
    const pts = (await tx.lockMailboxes([userId])).get(userId) ?? 0;
    const updates = Array.from({ length: count }, (_, i) => ({
      userId,
      pts: pts + i + 1,
      type: "DIALOG",
      conversationId: "G1",
      seq: 0,
      body: '{"peer":"G1"}',
      createdAt,
    }));
    tx.write({
      ...noChanges,
      updates,
      mailboxes: new Map([[userId, pts + count]]),
    });
  });
};

test("sessions: removes what expired or was revoked more than a day ago, and nothing else", async () => {
  const { host, replica } = await open();
  const { store } = host.engines;
  const user = await addUser(store);
  const now = Date.now();
  const active = await addSession(store, user, now + DAY_MS);
  const justExpired = await addSession(store, user, now - DAY_MS / 2);
  const longExpired = await addSession(store, user, now - 2 * DAY_MS);
  const justRevoked = await addSession(store, user, now + DAY_MS);
  const longRevoked = await addSession(store, user, now + DAY_MS);
  await store.sessions.revoke(user, [justRevoked], now);
  await store.sessions.revoke(user, [longRevoked], now - 2 * DAY_MS);

  expect(await replica().runNow("sessions")).toBe(2);

  const there = async (id: string): Promise<boolean> => (await store.sessions.get(id)) !== undefined;
  expect(await Promise.all([active, justExpired, justRevoked].map(there))).toEqual([true, true, true]);
  expect(await Promise.all([longExpired, longRevoked].map(there))).toEqual([false, false]);
});

test("updates: trims by age and by count per user; who asks for what is gone is told to reload", async () => {
  const { host, replica } = await open({ IM_UPDATES_KEEP_COUNT: "100", IM_UPDATES_KEEP_DAYS: "10" });
  const { store } = host.engines;
  const [many, old] = [await addUser(store), await addUser(store)];
  await addUpdates(store, many, 150, Date.now());
  await addUpdates(store, old, 30, Date.now() - 11 * DAY_MS);
  await addUpdates(store, old, 5, Date.now());

  expect(await replica().runNow("updates")).toBe(50 + 30);

  expect(await store.updates.difference(many, 0, 10)).toMatchObject({ tooLong: true, pts: 150 });
  expect((await store.updates.difference(many, 50, 1000)).updates).toHaveLength(100);
  expect(await store.updates.difference(old, 29, 10)).toMatchObject({ tooLong: true, pts: 35 });
  expect((await store.updates.difference(old, 30, 10)).updates.map((update) => update.pts)).toEqual([31, 32, 33, 34, 35]);
});

test("a run ends at its row limit and the next goes on", async () => {
  const { host, replica } = await open({ IM_CRON_ROWS_MAX: "3" });
  const { store } = host.engines;
  const user = await addUser(store);
  for (let i = 0; i < 5; i++) await addSession(store, user, Date.now() - 2 * DAY_MS);
  const service = replica();
  expect(await service.runNow("sessions")).toBe(3);
  const ended = Date.now();
  await eventually("another millisecond", () => Date.now() > ended);
  expect(await service.runNow("sessions")).toBe(2);
});

test("two replicas: each due run is done once", async () => {
  const { logged, replica, host } = await open({ IM_CRON_SESSIONS: "* * * * * *", IM_CRON_UPDATES: "* * * * * *" });
  const services = [replica(), replica()];
  for (const service of services) await service.start();
  await eventually("four runs of each job", () => done(logged, "sessions").length >= 4 && done(logged, "updates").length >= 4);
  for (const service of services) await service.drain();
  for (const job of ["sessions", "updates"]) {
    const runs = done(logged, job).map((line) => line["due_at"]);
    expect(new Set(runs).size).toBe(runs.length);
  }
  const text = await host.metrics.registry.metrics();
  expect(text).toContain(`dunlin_cron_runs_total{job="sessions",outcome="ok"} ${done(logged, "sessions").length}`);
  expect(text).toMatch(/dunlin_cron_last_success_seconds\{job="sessions"\} \d+/);
});

test("a run missed while nobody was there is caught up once", async () => {
  const { host, context, logged, replica } = await open();
  const { store } = host.engines;
  const newest = context.config.IM_CRON_SESSIONS.last(Date.now()) as number;
  expect(await store.jobs.claim("sessions", newest - 5 * 3_600_000, 0, "long ago", Date.now())).toBe(true);
  const first = replica();
  await first.start();
  await eventually("the missed run", () => done(logged, "sessions").length > 0);
  await first.drain();
  const second = replica();
  await second.start();
  await eventually("the other job's look", () => done(logged, "updates").length > 0);
  await second.drain();
  const due = done(logged, "sessions").map((line) => line["due_at"] as number);
  expect(due).toEqual([...new Set(due)]);
  expect(due[0]).toBeGreaterThanOrEqual(newest);
  expect((await store.jobs.last("sessions"))?.outcome).toBe("ok");
});

/** Time that can be pushed forward. */
const movableClock = (): Clock & { move: (ms: number) => void } => {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    monotonic: () => performance.now() + ahead,
    move: (ms) => {
      ahead += ms;
    },
  };
};

test("a replica that slept past its lease is fenced off, though its run was never claimed", async () => {
  const clock = movableClock();
  const { host, context, logged, replica } = await open({ IM_CRON_SESSIONS: "0 0 * * *" }, clock);
  const { store } = host.engines;
  const gate = createGate();
  const asleep: Store = {
    ...store,
    jobs: {
      claim: async (...run) => {
        await gate.pass();
        return store.jobs.claim(...run);
      },
      finish: store.jobs.finish,
      last: store.jobs.last,
    },
  };
  const sleeper = replica({ store: asleep });
  await sleeper.start();
  await eventually("the sleeper has the lock", gate.reached);
  clock.move(60_000);
  // A run by hand is another run than the sleeper's: only the older token can keep that one from being claimed.
  expect(await replica().runNow("sessions")).toBe(0);
  const before = done(logged, "sessions").length;
  gate.open();
  await sleeper.drain();
  expect(done(logged, "sessions")).toHaveLength(before);
  const unclaimed = context.config.IM_CRON_SESSIONS.last(clock.now()) as number;
  expect(await store.jobs.claim("sessions", unclaimed, Number.MAX_SAFE_INTEGER, "test", clock.now())).toBe(true);
});

test("a lock somebody else holds is left alone, and the run is done when it is free", async () => {
  const { host, logged, replica } = await open({ IM_CRON_SESSIONS: "* * * * * *" });
  const held = await host.engines.registry.lock("cron/sessions", "another replica");
  const service = replica();
  await expect(service.runNow("sessions")).rejects.toThrow("by somebody else");
  await service.start();
  await eventually("the other job", () => done(logged, "updates").length > 0);
  expect(done(logged, "sessions")).toHaveLength(0);
  await held?.close();
  await eventually("the run", () => done(logged, "sessions").length > 0);
});

test("drain waits for the running job", async () => {
  const { host, logged, replica } = await open();
  const { store } = host.engines;
  const gate = createGate();
  const slow: Store = {
    ...store,
    sessions: {
      ...store.sessions,
      removeEnded: async (...args) => {
        await gate.pass();
        return store.sessions.removeEnded(...args);
      },
    },
  };
  const service = replica({ store: slow });
  await service.start();
  await eventually("the job runs", gate.reached);
  let drained = false;
  const draining = service.drain().then(() => {
    drained = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(drained).toBe(false);
  gate.open();
  await draining;
  expect(done(logged, "sessions")).toHaveLength(1);
});

test("a job that fails is noted as failed, and the others go on", async () => {
  const { host, logged, replica } = await open();
  const { store } = host.engines;
  const failing: Store = { ...store, sessions: { ...store.sessions, removeEnded: () => Promise.reject(new Error("no such table")) } };
  const service = replica({ store: failing });
  await service.start();
  await eventually("the other job", () => done(logged, "updates").length > 0);
  expect(await store.jobs.last("sessions")).toMatchObject({ outcome: "failed", done: 0 });
  expect(await host.metrics.registry.metrics()).toContain('dunlin_cron_runs_total{job="sessions",outcome="failed"} 1');
});

const main = fileURLToPath(new URL("../../../services/cron/dist/main.js", import.meta.url));
const runMain = async (args: string[], env: Record<string, string>): Promise<{ code: number; stdout: string; stderr: string }> => {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, ...args], { env: { PATH: process.env["PATH"], ...env } });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
};

test("--run does one job by hand; a wrong job or setting is named", async () => {
  const folder = await tempFolder();
  const { host } = await openEmbedded(cronOptions, ["registry", "store"], { IM_DATA_DIR: folder });
  const user = await addUser((host as Host<"store">).engines.store);
  await addSession((host as Host<"store">).engines.store, user, Date.now() - 2 * DAY_MS);
  await host.close();
  const env = { IM_DATA_DIR: folder, IM_LOG_LEVEL: "silent" };
  expect(await runMain(["--run", "sessions"], env)).toMatchObject({ code: 0, stdout: "sessions: 1 rows removed\n" });
  expect(await runMain(["--run", "nothing"], env)).toMatchObject({
    code: 1,
    stderr: "there is no job nothing; there are sessions, email-codes, updates, join-requests, scheduled, files\n",
  });
  const wrong = await runMain(["--run", "sessions"], { ...env, IM_CRON_SESSIONS: "0 0 30 2 *" });
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain("IM_CRON_SESSIONS");
  expect((await runMain(["--help"], env)).stdout).toContain("IM_UPDATES_KEEP_COUNT");
}, 120_000);

test("files: what nobody sent within an hour goes, blobs and rows; what was sent stays, and so does what is young", async () => {
  const day = { at: Date.now() };
  const clock: Clock = { now: () => day.at, monotonic: () => performance.now() };
  const { host, replica } = await open({}, clock);
  const { store, blobs } = host.engines;
  const later = day.at + 2 * HOUR_MS;
  const add = async (state: "announced" | "ready", expiresAt: number, sent = false): Promise<string> => {
    const id = newId("F");
    const row = { id, ownerId: "U1", name: "x", size: 1, type: "image/png", state, createdAt: day.at, expiresAt, width: 0, height: 0 };
    await store.files.create(row);
    const keys = state === "ready" ? [`files/${id}`, `thumbnails/${id}/128.webp`] : [`uploads/${id}`];
    for (const key of keys) await blobs.put(key, Buffer.from("x"));
    const ref = { fileId: id, messageId: "77", conversationId: "G1", seq: 1 };
    if (sent) await store.ingest.transaction((tx) => tx.write({ ...noChanges, fileRefs: [ref] }));
    return id;
  };
  const over = day.at + HOUR_MS;
  const gone = [await add("announced", over), await add("ready", over)];
  const [sent, held] = [await add("ready", over, true), await add("ready", later + 1)];
  // Uploaded once more after it was accepted, or with nothing to show for it in the store.
  for (const id of [sent, newId("F")]) await blobs.put(`uploads/${id}`, Buffer.from("x"));
  expect(await replica().runNow("files")).toBe(0);
  day.at = later;
  const [first, second] = [replica(), replica()];
  const runs = await Promise.allSettled([first.runNow("files"), second.runNow("files")]);
  expect(runs.some((run) => run.status === "fulfilled")).toBe(true);
  expect((await store.files.get([...gone, sent, held])).map((file) => file.id).sort()).toEqual([sent, held].sort());
  const left = (await blobs.list("", { limit: 100 })).map((blob) => blob.key);
  expect(left).toEqual([...[sent, held].map((id) => `files/${id}`), ...[sent, held].map((id) => `thumbnails/${id}/128.webp`)].sort());
  expect(await store.files.get([sent])).toMatchObject([{ expiresAt: null }]);
});

test("files: blobs that cannot be removed keep their rows, and the next run removes both", async () => {
  const { host, replica } = await open();
  const { store, blobs } = host.engines;
  const id = newId("F");
  const row = { id, ownerId: "U1", name: "x", size: 1, type: "image/png", createdAt: 1, expiresAt: 2, width: 0, height: 0 };
  await store.files.create({ ...row, state: "ready" });
  await blobs.put(`files/${id}`, Buffer.from("x"));
  const away = new Proxy(blobs, {
    get: (target, name) => (name === "delete" ? () => Promise.reject(new AppError("UNAVAILABLE")) : Reflect.get(target, name, target)),
  });
  await expect(replica({ blobs: away }).runNow("files")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(await store.files.get([id])).toMatchObject([{ state: "going" }]);
  expect(await replica().runNow("files")).toBe(1);
  expect(await store.files.get([id])).toEqual([]);
  expect(await blobs.list("", { limit: 1 })).toEqual([]);
});
