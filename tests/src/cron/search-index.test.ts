import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type CronContext, createCronService, cronOptions } from "@dunlin/cron";
import { conversationIdOf, newId, parseQuery, Snowflakes } from "@dunlin/domain";
import { type MessageRow, noChanges, type Store } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { atEnd, openEmbedded, tempFolder } from "../support/embedded-host.js";
import { eventually } from "../support/eventually.js";

const ann = newId("U");
const bob = newId("U");
const conversationId = conversationIdOf(ann, bob);
let made = 0;

/** Stores texts of one conversation as ingest does. @returns their ids */
const say = async (store: Pick<Store, "ingest">, ...texts: string[]): Promise<string[]> => {
  const messages = texts.map((text): MessageRow => {
    made += 1;
    return {
      id: String(7_000_000_000_000_000_000n + BigInt(made)),
      conversationId,
      seq: made,
      type: "C2C",
      from: ann,
      to: bob,
      clientMsgId: `c${made}`,
      payload: JSON.stringify({ msg_type: "text", text }),
      mentions: null,
      replyTo: null,
      createdAt: Date.now(),
      serverTs: Date.now(),
      bodyHash: "00",
      forwardedFrom: null,
      edits: 0,
      editedAt: null,
      recalledAt: null,
    };
  });
  await store.ingest.transaction((tx) => tx.write({ ...noChanges, messages }));
  return messages.map(({ id }) => id);
};

const find = (store: Pick<Store, "search">, text: string): Promise<string[]> =>
  store.search.find({ conversationIds: [conversationId], words: parseQuery(text).lookUps, limit: 1_000 });

const open = async (env: Record<string, string> = {}) => {
  const { host, config } = await openEmbedded(cronOptions, ["registry", "cache", "store", "queue", "blobs"], env);
  const { logger, metrics, health, clock, engines } = host;
  const snowflakes = new Snowflakes(await engines.registry.leaseSlot("test"), clock);
  const context: CronContext = { config, logger, metrics, health, clock, ...engines, snowflakes };
  const replica = async (changes: Partial<CronContext> = {}) => {
    const service = createCronService({ ...context, ...changes });
    atEnd(() => service.stop());
    await service.start();
    return service;
  };
  return { host, store: engines.store, replica };
};

test("two replicas: each message is indexed once; when one stops the other goes on; the lag is told", async () => {
  const { host, store, replica } = await open();
  const first = await replica();
  await replica();
  const ids = await say(store, ...Array.from({ length: 2_500 }, (_, i) => `早上好 number${i}`));
  await eventually(
    "all are found",
    async () => (await find(store, "number1234")).length === 1 && (await store.search.state()).waiting === 0,
  );
  const text = await host.metrics.registry.metrics();
  // Notes and filling may meet the same messages; what counts is that nobody does it all over again.
  const indexed = Number(/dunlin_search_indexed_total (\d+)/.exec(text)?.[1]);
  expect(indexed).toBeGreaterThanOrEqual(ids.length);
  expect(indexed).toBeLessThanOrEqual(2 * ids.length);
  expect(text).toMatch(/dunlin_search_lag_seconds \d/);
  await first.stop();
  const [last] = await say(store, "晚上好");
  await eventually("the other replica has indexed", async () => (await find(store, "晚上"))[0] === last);
});

test("a store that is away holds the index up, and it goes on by itself", async () => {
  const { store, replica } = await open();
  let away = true;
  const search: Store["search"] = {
    ...store.search,
    follow: (limit, wordsOf) =>
      away ? Promise.reject(new AppError("UNAVAILABLE", "the store is away")) : store.search.follow(limit, wordsOf),
  };
  await replica({ store: { ...store, search } });
  const [id] = await say(store, "patience");
  expect(await find(store, "patience")).toEqual([]);
  away = false;
  await eventually("it is found", async () => (await find(store, "patience"))[0] === id);
});

test("--run search-rebuild throws the index away, and it is filled again from the messages", async () => {
  const folder = await tempFolder();
  const before = await open({ IM_DATA_DIR: folder });
  const ids = await say(before.store, "rebuilt one", "rebuilt two");
  const service = await before.replica();
  await eventually("both are found", async () => (await find(before.store, "rebuilt")).length === 2);
  await service.stop();
  await before.host.close();

  const main = fileURLToPath(import.meta.resolve("@dunlin/cron").replace("index.js", "main.js"));
  const env = { IM_DATA_DIR: folder, PATH: process.env.PATH ?? "" };
  const { stdout } = await promisify(execFile)(process.execPath, [main, "--run", "search-rebuild"], { env });
  expect(stdout).toContain("the search index is empty");

  const after = await open({ IM_DATA_DIR: folder });
  expect(await find(after.store, "rebuilt")).toEqual([]);
  expect(await after.store.search.state()).toMatchObject({ filling: true });
  await after.replica();
  await eventually("both are found again", async () => (await find(after.store, "rebuilt")).length === 2);
  expect(await find(after.store, "rebuilt")).toEqual(ids.reverse());
});
