import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conversationIdOf, dialogTexts, newId, systemConversationOf } from "@dunlin/domain";
import { type Host, hostOptions, openHost } from "@dunlin/engines/host";
import { type DialogChange, type MessageRow, noChanges, type Store } from "@dunlin/engines/store";
import { createDatabase } from "@dunlin/engines/testing";
import { createLogger, loadConfig } from "@dunlin/runtime";
import { engineUrls } from "./engines.js";
import { parseFlags, quantile, table } from "./figures.js";

const USAGE = `npm run bench -- dialogs [options]
  --engines embedded|cluster   default both; cluster: IM_*_URL or npm run engines -- up
  --dialogs N,N                dialogs a user has, default 50,500,5000
  --calls N                    measured calls of each kind, default 200`;

const PAGE = 50;
const CHUNK = 1_000;
const TEXT = JSON.stringify({ msg_type: "text", text: "x".repeat(120) });

const open = async (engines: string): Promise<{ host: Host<"store" | "cache">; close(): Promise<void> }> => {
  const dir = await mkdtemp(join(tmpdir(), "dunlin-bench-"));
  const urls = engines === "cluster" ? await engineUrls(process.env) : undefined;
  const database = urls && (await createDatabase(urls["IM_STORE_URL"] as string));
  const config = loadConfig(hostOptions, {
    IM_DATA_DIR: dir,
    ...(database && { IM_STORE_URL: database.url, IM_REDIS_URL: urls["IM_REDIS_URL"] as string, IM_NAMESPACE: newId("D") }),
  });
  const logger = createLogger({ service: "bench", level: "warn" });
  const host = await openHost({ service: "bench", config, needs: ["store", "cache"], logger });
  await host.engines.store.migrate();
  return {
    host,
    close: async () => {
      await host.close();
      await database?.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

let serial = 6_000_000_000_000_000_000n;

/** A user who talks with so many others, a message in each dialog. @returns the user's id */
const createUser = async (store: Store, dialogs: number): Promise<string> => {
  const create = async (): Promise<string> => {
    const id = newId("U");
    await store.users.create({ id, account: id, passwordHash: "-", nickname: `n ${id}`, avatar: "", createdAt: 0 });
    return id;
  };
  const userId = await create();
  for (let at = 0; at < dialogs; at += CHUNK) {
    const peers: string[] = [];
    while (peers.length < Math.min(CHUNK, dialogs - at)) peers.push(...(await Promise.all(Array.from({ length: 10 }, create))));
    const places = peers.map((peer, i) => ({ peer, conversationId: conversationIdOf(userId, peer), at: at + i + 1 }));
    const message = ({ peer, conversationId, at: createdAt }: (typeof places)[number]): MessageRow => {
      const id = (serial++).toString();
      return {
        id,
        conversationId,
        seq: 1,
        type: "C2C",
        from: peer,
        to: userId,
        payload: TEXT,
        createdAt,
        serverTs: createdAt,
        replyTo: null,
        mentions: null,
        clientMsgId: id,
        bodyHash: "00".repeat(32),
        edits: 0,
        editedAt: null,
        recalledAt: null,
        forwardedFrom: null,
      };
    };
    const dialog = ({ peer, conversationId, at: updatedAt }: (typeof places)[number]): DialogChange => ({
      userId,
      peer,
      conversationId,
      kind: "user",
      topSeq: 1,
      addUnread: 1,
      addMentions: 0,
      updatedAt,
    });
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, messages: places.map(message), dialogs: places.map(dialog) }));
  }
  return userId;
};

/** @returns p50 and p99 of one call after the other, ms */
const time = async (calls: number, call: () => Promise<unknown>): Promise<[string, string]> => {
  const took: number[] = [];
  for (let n = 0; n < calls + 20; n++) {
    const began = performance.now();
    await call();
    if (n >= 20) took.push(performance.now() - began);
  }
  return [quantile(took, 0.5).toFixed(2), quantile(took, 0.99).toFixed(2)];
};

/**
 * What a page of one's dialogs costs: asked of the store, told in full, and what the cheapest imaginable cache would cost
 * in its place: the whole page under one key, and the pts that tells whether it still holds.
 */
export const benchDialogs = async (args: readonly string[]): Promise<void> => {
  const flags = parseFlags(args);
  if (flags.has("help")) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const calls = Number(flags.get("calls") ?? 200);
  const sizes = (flags.get("dialogs") ?? "50,500,5000").split(",").map(Number);
  const rows = [["engines", "dialogs", "rows p50", "p99 ms", "page p50", "p99 ms", "cached p50", "p99 ms"]];
  for (const engines of ["embedded", "cluster"]) {
    if ((flags.get("engines") ?? engines) !== engines) continue;
    const { host, close } = await open(engines);
    try {
      const { store, cache } = host.engines;
      for (const size of sizes) {
        const userId = await createUser(store, size);
        const page = async (): Promise<string> => {
          const { dialogs } = await store.dialogs.list(userId, undefined, PAGE);
          return (await dialogTexts(store, userId, dialogs)).join();
        };
        const key = `bench:${systemConversationOf(userId)}`;
        await cache.set(key, await page(), 600_000);
        rows.push([
          engines,
          String(size),
          ...(await time(calls, () => store.dialogs.list(userId, undefined, PAGE))),
          ...(await time(calls, page)),
          ...(await time(calls, () => Promise.all([cache.get(key), store.updates.difference(userId, 0, 0)]))),
        ]);
      }
    } finally {
      await close();
    }
  }
  process.stdout.write(`first page of ${PAGE}, ${calls} calls one after the other\n${table(rows)}\n`);
};
