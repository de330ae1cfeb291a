import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newUser, newUsers, type StoreHarness, send } from "../contract/fixture.js";
import { storeContract } from "../contract.js";
import { noChanges } from "../port/index.js";
import { openSqliteStore } from "./engine.js";
import { Turns } from "./turns.js";

let harness: StoreHarness;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "dunlin-store-"));
  const store = await openSqliteStore(join(root, "main"));
  await store.migrate();
  const dataDir = join(root, "crash");
  harness = { store, other: store, crashTarget: { dataDir }, openCrashTarget: () => openSqliteStore(dataDir) };
});

afterAll(async () => {
  await harness?.store.close();
  await rm(root, { recursive: true, force: true });
});

storeContract("SQLite", () => harness);

test("a data folder has one opener, and is free again when that closes", async () => {
  const dataDir = join(root, "exclusive");
  const first = await openSqliteStore(dataDir);
  await expect(openSqliteStore(dataDir)).rejects.toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining(dataDir) });
  await first.close();
  await (await openSqliteStore(dataDir)).close();
});

test("ping tells a schema that is missing; migrating twice changes nothing; all is there after opening again", async () => {
  const dataDir = join(root, "migrate");
  const store = await openSqliteStore(dataDir);
  await expect(store.ping()).rejects.toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("migrated") });
  await store.migrate();
  await store.ping();
  await store.migrate();
  const [a, b] = (await newUsers(store, 2)) as [string, string];
  await send(store, [{ from: a, to: b }]);
  await store.close();
  const again = await openSqliteStore(dataDir);
  await again.ping();
  expect((await again.updates.difference(b, 0, 5)).updates).toHaveLength(1);
  await again.close();
});

test("a store of the first schema is brought further, also when that was cut off, and keeps what it had", async () => {
  const dataDir = join(root, "upgrade");
  const store = await openSqliteStore(dataDir);
  await store.migrate();
  const [user] = (await newUsers(store, 1)) as [string];
  await store.close();
  const behindFirst = "delete from schema_versions where name > '0001-first'";
  for (const undo of [
    `alter table sessions drop column previous_hash; alter table sessions drop column replaced_at; ${behindFirst}`,
    `alter table sessions drop column replaced_at; ${behindFirst}`,
    behindFirst,
    // One in the middle, behind which others have been run already.
    "delete from schema_versions where name = '0002-refresh-grace'",
  ]) {
    const db = new DatabaseSync(join(dataDir, "store.db"));
    db.exec(undo);
    db.close();
    const again = await openSqliteStore(dataDir);
    await expect(again.ping()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await again.migrate();
    await again.ping();
    expect(await again.users.get([user])).toHaveLength(1);
    await again.close();
  }
});

test("a closed store refuses, and closing lets a running transaction finish", async () => {
  const store = await openSqliteStore(join(root, "closing"));
  await store.migrate();
  const user = await newUser(store);
  let closing: Promise<void> | undefined;
  await store.ingest.transaction(async (tx) => {
    closing = store.close();
    tx.write({ ...noChanges, mailboxes: new Map([[user, 3]]) });
  });
  await closing;
  await store.close();
  await expect(store.users.get([user])).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(newUser(store)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const again = await openSqliteStore(join(root, "closing"));
  expect((await again.updates.difference(user, 3, 0)).pts).toBe(3);
  await again.close();
});

test("turns: first come, first served; too many are refused, and so is who waits too long", async () => {
  const turns = new Turns(2, 30);
  await turns.take();
  const order: string[] = [];
  const one = turns.take().then(() => order.push("one"));
  const two = turns.take().then(() => order.push("two"));
  await expect(turns.take()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  turns.done();
  await one;
  await expect(two).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfterS: 1 });
  turns.done();
  await turns.take();
  expect(order).toEqual(["one"]);
});
