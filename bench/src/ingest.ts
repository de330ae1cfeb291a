import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyCommands, conversationIdOf, newId, type ValidCommand } from "@dunlin/domain";
import { hostOptions, openHost } from "@dunlin/engines/host";
import type { Store } from "@dunlin/engines/store";
import { createDatabase } from "@dunlin/engines/testing";
import { createLogger, loadConfig } from "@dunlin/runtime";
import { engineUrls } from "./engines.js";
import { median, parseFlags, table } from "./figures.js";

const USAGE = `npm run bench -- ingest [options]
  --store sqlite|mysql   default both; mysql: IM_STORE_URL or npm run engines -- up
  --messages N           messages a run writes, default 60000
  --batch N,N            messages a transaction writes, default 500,1000,2000,4000
  --runs N               measured runs, the median counts, default 3`;

const USERS = 1_000;
const TOPIC = "commands";
const TEXT = JSON.stringify({ msg_type: "text", text: "x".repeat(120) });
const MESSAGE_ID_BASE = 5_000_000_000_000_000_000n;

interface Settings {
  readonly messages: number;
  readonly batch: number;
  readonly runs: number;
}

interface Opened {
  readonly store: Store;
  close(): Promise<void>;
}

/** An empty store of its own. */
const open = async (kind: "sqlite" | "mysql"): Promise<Opened> => {
  const dir = await mkdtemp(join(tmpdir(), "dunlin-bench-"));
  const database = kind === "mysql" ? await createDatabase((await engineUrls(process.env))["IM_STORE_URL"] as string) : undefined;
  const config = loadConfig(hostOptions, { IM_DATA_DIR: dir, ...(database ? { IM_STORE_URL: database.url } : {}) });
  const host = await openHost({ service: "bench", config, needs: ["store"], logger: createLogger({ service: "bench", level: "warn" }) });
  await host.engines.store.migrate();
  return {
    store: host.engines.store,
    close: async () => {
      await host.close();
      await database?.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

let serial = 0n;

/** A 1:1 text of 120 bytes as it stands in the queue. */
const sendBetween = (users: readonly string[]): ValidCommand => {
  const from = Math.floor(Math.random() * users.length);
  const to = (from + 1 + Math.floor(Math.random() * (users.length - 1))) % users.length;
  const [senderId, receiver] = [users[from] as string, users[to] as string];
  const id = (MESSAGE_ID_BASE + serial++).toString();
  return {
    version: 1,
    commandId: id,
    requestId: "",
    acceptedAt: 1,
    replySlot: undefined,
    body: {
      $case: "send",
      value: {
        id,
        conversationId: conversationIdOf(senderId, receiver),
        senderId,
        to: receiver,
        clientMsgId: id,
        payload: TEXT,
        createdAt: Date.now(),
        mentions: [],
        replyTo: undefined,
        push: undefined,
        bodyHash: Buffer.alloc(32, Number(serial & 0xffn)),
        deviceId: "",
      },
    },
  };
};

/** The transaction of the message path as ingest runs it, rules included, without queue and deliveries. @returns messages/s */
const measure = async (store: Store, { messages, batch, runs }: Settings, partition: number): Promise<number> => {
  const users = Array.from({ length: USERS }, () => newId("U"));
  for (const id of users) await store.users.create({ id, account: id, passwordHash: "-", nickname: "", avatar: "", createdAt: 0 });
  const rates: number[] = [];
  let offset = 0;
  // The first run warms up.
  for (let run = 0; run <= runs; run++) {
    const batches = Array.from({ length: Math.ceil(messages / batch) }, () => Array.from({ length: batch }, () => sendBetween(users)));
    const began = performance.now();
    for (const commands of batches) {
      const next = offset + commands.length;
      await store.ingest.transaction(async (tx) => {
        await tx.lockOffsets(TOPIC, [partition]);
        const { changes } = await applyCommands(tx, commands, { groupMembersMax: 20, supergroupMembersMax: 200 }, Date);
        tx.write({ ...changes, offsets: [{ topic: TOPIC, partition, nextOffset: next, batchBegin: offset }] });
      });
      offset = next;
    }
    if (run > 0) rates.push((batches.length * batch) / ((performance.now() - began) / 1000));
  }
  return median(rates);
};

/** The ingest transaction alone, on each store. */
export const benchIngest = async (args: readonly string[]): Promise<void> => {
  const flags = parseFlags(args);
  if (flags.has("help")) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const messages = Number(flags.get("messages") ?? 60_000);
  const runs = Number(flags.get("runs") ?? 3);
  const batches = (flags.get("batch") ?? "500,1000,2000,4000").split(",").map(Number);
  const rows = [["store", "batch", "messages/s (median)"]];
  for (const kind of ["sqlite", "mysql"] as const) {
    if ((flags.get("store") ?? kind) !== kind) continue;
    const { store, close } = await open(kind);
    try {
      for (const [partition, batch] of batches.entries()) {
        rows.push([kind, String(batch), (await measure(store, { messages, batch, runs }, partition)).toFixed(0)]);
      }
    } finally {
      await close();
    }
  }
  process.stdout.write(`${runs} runs of ${messages} messages, 1:1 among ${USERS} users\n${table(rows)}\n`);
};
