import { randomBytes } from "node:crypto";
import { sleep } from "@dunlin/runtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newUsers, pairId, type StoreHarness, send, T0, uniqueId } from "../contract/fixture.js";
import { storeContract } from "../contract.js";
import { noChanges } from "../port/index.js";
import { Admin } from "./admin.js";
import { openMysqlStore } from "./engine.js";

let harness: StoreHarness;
let server: Admin;
let url: string;
const database = `dunlin_test_${randomBytes(6).toString("hex")}`;

/** The given server's URL with another database, or other parts changed. */
const urlWith = (change: (url: URL) => void): string => {
  const changed = new URL(process.env.IM_STORE_URL ?? "");
  changed.pathname = `/${database}`;
  change(changed);
  return changed.href;
};

beforeAll(async () => {
  // A database of this run's own on the server that the URL names.
  url = urlWith(() => undefined);
  server = new Admin(urlWith((u) => (u.pathname = "/")));
  await server.run(`create database ${database}`);
  const store = openMysqlStore(url, 6);
  const other = openMysqlStore(url, 6);
  await expect(store.ping()).rejects.toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("migrated") });
  // All at once, as processes that start together do.
  await Promise.all([store.migrate(), other.migrate(), store.migrate()]);
  await store.ping();
  harness = { store, other, crashTarget: { url }, openCrashTarget: async () => openMysqlStore(url, 4) };
});

afterAll(async () => {
  await harness?.store.close();
  await harness?.other.close();
  await server.run(`drop database if exists ${database}`);
  server.close();
});

storeContract("MySQL", () => harness);

describe("MySQL's own faults", () => {
  let admin: Admin;

  beforeEach(() => {
    admin = new Admin(url);
  });

  afterEach(() => {
    admin.close();
  });

  test("a store of the first schema is brought further, also when that was cut off, and keeps what it had", async () => {
    const { store } = harness;
    const [user] = (await newUsers(store, 1)) as [string];
    const own = `${database}_old`;
    await admin.run(`create database ${own}`);
    const old = openMysqlStore(
      urlWith((u) => (u.pathname = `/${own}`)),
      2,
    );
    try {
      await old.migrate();
      for (const undo of ["drop column previous_hash, drop column replaced_at", "drop column replaced_at", undefined]) {
        if (undo !== undefined) await admin.run(`alter table ${own}.sessions ${undo}`);
        await admin.run(`delete from ${own}.schema_versions where name > '0001-first'`);
        await expect(old.ping()).rejects.toMatchObject({ code: "UNAVAILABLE" });
        await old.migrate();
        await old.ping();
      }
      // One in the middle, behind which others have been run already.
      await admin.run(`delete from ${own}.schema_versions where name = '0002-refresh-grace'`);
      await expect(old.ping()).rejects.toMatchObject({ code: "UNAVAILABLE" });
      await old.migrate();
      await old.ping();
      expect(await store.users.get([user])).toHaveLength(1);
    } finally {
      await old.close();
      await admin.run(`drop database ${own}`);
    }
  });

  const lockMailbox = (user: string): Promise<unknown> => admin.run(`select pts from mailboxes where user_id = '${user}' for update`);

  test("a deadlock runs the whole transaction again", async () => {
    const { store } = harness;
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const heavy = await newUsers(store, 40);
    await admin.run("start transaction");
    // The server gives up the transaction that has changed less: the other one must have changed more.
    await admin.run(`update users set nickname = 'x' where id in (${heavy.map((id) => `'${id}'`).join(",")})`);
    await lockMailbox(b);
    let runs = 0;
    let crossing: Promise<unknown> | undefined;
    const heads = await store.ingest.transaction(async (tx) => {
      runs++;
      await tx.lockMailboxes([a]);
      tx.write({ ...noChanges, mailboxes: new Map([[a, runs]]) });
      crossing ??= lockMailbox(a).then(() => admin.run("commit"));
      return tx.lockMailboxes([b]);
    });
    await crossing;
    expect(runs).toBe(2);
    expect(heads).toEqual(new Map([[b, 0]]));
    // What the first run wrote is gone with it.
    expect((await store.updates.difference(a, 2, 0)).pts).toBe(2);
  });

  test("a lock timeout runs the whole transaction again", async () => {
    const { store } = harness;
    const [a] = (await newUsers(store, 1)) as [string];
    await admin.run("start transaction");
    await lockMailbox(a);
    let runs = 0;
    await store.ingest.transaction(async (tx) => {
      runs++;
      if (runs === 2) await admin.run("rollback");
      await tx.lockMailboxes([a]);
    });
    expect(runs).toBe(2);
  });

  test("a connection that is killed in the middle of a transaction: UNAVAILABLE, nothing stored, the next one works", async () => {
    const { store } = harness;
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const work = store.ingest.transaction(async (tx) => {
      await tx.lockMailboxes([a]);
      tx.write({ ...noChanges, mailboxes: new Map([[a, 9]]) });
      const others = await admin.run(`select id from information_schema.processlist where db = '${database}' and id <> connection_id()`);
      // Some may have gone by themselves.
      for (const { id } of others) await admin.run(`kill ${id}`).catch(() => undefined);
      await tx.lockMailboxes([b]);
    });
    await expect(work).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const deadline = Date.now() + 5000;
    let stored: unknown[] = [];
    while (stored.length === 0 && Date.now() < deadline) stored = await send(store, [{ from: a, to: b }]).catch(() => []);
    expect(stored).toHaveLength(1);
    expect((await store.updates.difference(a, 0, 0)).pts).toBe(1);
  });

  test("a read that the server does not answer ends as UNAVAILABLE, and its connection is not used again", async () => {
    const small = openMysqlStore(url, 2);
    await small.messages.get(["1"]);
    await admin.run("lock tables messages write");
    const begun = performance.now();
    const reads = [small.messages.get(["1"]), small.messages.get(["2"])];
    for (const read of reads) await expect(read).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(performance.now() - begun).toBeLessThan(6000);
    await admin.run("unlock tables");
    expect(await small.messages.get(["1"])).toEqual([]);
    await small.close();
  });

  test("when every connection is taken, so many wait, each a while, and all others are refused at once", async () => {
    const small = openMysqlStore(url, 2);
    const [user] = (await newUsers(small, 1)) as [string];
    let free: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    const holders = [1, 2].map(() => small.ingest.transaction(() => held));
    await sleep(50);
    const reads = Array.from({ length: 100 }, () => small.users.get([user]));
    const settled = Promise.allSettled(reads);
    await expect(Promise.race(reads.slice(-10))).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfterS: 1 });
    free();
    await Promise.all(holders);
    const outcomes = (await settled).map((o) => o.status);
    expect(outcomes.filter((status) => status === "fulfilled")).toHaveLength(64);
    await small.close();
  });

  test("a server that is not there, a wrong password and a missing database are UNAVAILABLE, and say which", async () => {
    const cases: [string, string][] = [
      [urlWith((u) => (u.port = "1")), "reached"],
      [urlWith((u) => (u.password = "wrong-secret")), "denied"],
      [urlWith((u) => (u.pathname = "/dunlin_no_such_database")), "dunlin_no_such_database"],
    ];
    for (const [bad, hint] of cases) {
      const store = openMysqlStore(bad, 2);
      for (const attempt of [() => store.ping(), () => store.migrate()]) {
        const error: unknown = await attempt().then(
          () => undefined,
          (e: unknown) => e,
        );
        expect(error).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining(hint) });
        expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("wrong-secret");
      }
      await store.close();
    }
  });

  test("what the server says decides the code: full, read-only and overrun are UNAVAILABLE", async () => {
    const { store } = harness;
    await server.run(`create trigger ${database}.fail before insert on ${database}.job_tokens for each row
      begin
        declare number int;
        if new.job like 'errno-%' then
          set number = cast(substr(new.job, 7) as unsigned);
          signal sqlstate 'HY000' set mysql_errno = number, message_text = 'on purpose';
        end if;
      end`);
    const claim = (errno: number) => store.jobs.claim(`errno-${errno}`, T0, 1, "o", T0);
    for (const errno of [1021, 1040, 1114, 1290, 1836]) await expect(claim(errno)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(claim(1366)).rejects.toMatchObject({ code: "INTERNAL" });
    await server.run(`drop trigger ${database}.fail`);
    expect(await store.jobs.claim(uniqueId("errno-"), T0, 1, "o", T0)).toBe(true);
  });

  test("an error carries no text of a message", async () => {
    const { store } = harness;
    const [a, b] = (await newUsers(store, 2)) as [string, string];
    const [first] = await send(store, [{ from: a, to: b }]);
    const error: unknown = await send(store, [{ from: a, to: b, over: { id: first?.id ?? "", payload: '"very private"' } }]).catch(
      (e) => e,
    );
    const cause = (error as Error).cause;
    expect(JSON.stringify(cause, Object.getOwnPropertyNames(cause))).not.toContain("private");
    expect(await store.messages.history({ conversationId: pairId(a, b), limit: 5 })).toHaveLength(1);
  });
});
