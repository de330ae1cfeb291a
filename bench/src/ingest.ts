import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type ConversationRow,
  type DialogChange,
  type IngestTransaction,
  type MessageRow,
  openStore,
  type Store,
  type UpdateRow,
} from "@dunlin/engines/store";
import { createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { median, parseFlags, table } from "./figures.js";

const USERS = 1000;
const TOPIC = "bench";
const TEXT = "x".repeat(120);

interface Settings {
  readonly store: "sqlite" | "mysql";
  /** URL of a MySQL server; the bench makes a database of its own there. */
  readonly url: string | undefined;
  /** Messages a run writes. */
  readonly messages: number;
  /** Messages a transaction writes. */
  readonly batch: number;
  readonly runs: number;
}

interface Send {
  readonly from: string;
  readonly to: string;
  readonly id: string;
}

interface Opened {
  readonly store: Store;
  close(): Promise<void>;
}

const open = async ({ store, url }: Settings): Promise<Opened> => {
  const dataDir = await mkdtemp(join(tmpdir(), "dunlin-bench-"));
  const deps = {
    logger: createLogger({ service: "bench", level: "warn" }),
    metrics: new Metrics(),
    clock: systemClock,
    dataDir,
    namespace: "bench",
  };
  if (store === "mysql" && url === undefined) throw new Error("--store mysql needs --url mysql://… or IM_STORE_URL: an empty database");
  const opened = await openStore({ IM_STORE_URL: store === "mysql" ? url : undefined, IM_STORE_POOL: 4 }, deps);
  await opened.migrate();
  return {
    store: opened,
    close: async () => {
      await opened.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

const pairOf = (a: string, b: string): string => (a < b ? `${a}_${b}` : `${b}_${a}`);

/** The path's transaction for 1:1 messages with planning that costs next to nothing: what is measured is the store. */
const ingest = async (tx: IngestTransaction, sends: readonly Send[], partition: number, offset: number): Promise<void> => {
  const now = Date.now();
  await tx.lockOffsets(TOPIC, [partition]);
  const stored = new Set((await tx.sent(sends.map(({ from, id }) => ({ senderId: from, clientMsgId: id })))).map((s) => s.clientMsgId));
  const known = await tx.lockConversations(sends.map(({ from, to }) => pairOf(from, to)));
  const heads = await tx.lockMailboxes(sends.flatMap(({ from, to }) => [from, to]));
  const conversations = new Map<string, ConversationRow>();
  const dialogs = new Map<string, DialogChange>();
  const messages: MessageRow[] = [];
  const updates: UpdateRow[] = [];
  for (const { from, to, id } of sends) {
    if (stored.has(id)) continue;
    const conversationId = pairOf(from, to);
    const last = conversations.get(conversationId) ?? known.get(conversationId);
    const seq = (last?.lastSeq ?? 0) + 1;
    conversations.set(conversationId, {
      id: conversationId,
      kind: "user",
      lastSeq: seq,
      title: "",
      avatar: "",
      ownerId: "",
      createdAt: last?.createdAt ?? now,
    });
    messages.push({
      id,
      conversationId,
      seq,
      type: "C2C",
      from,
      to,
      clientMsgId: id,
      payload: `{"msg_type":"text","text":"${TEXT}"}`,
      mentions: null,
      replyTo: null,
      createdAt: now,
      serverTs: now,
      bodyHash: "0123456789abcdef".repeat(4),
    });
    for (const [userId, peer] of [
      [from, to],
      [to, from],
    ] as const) {
      const pts = (heads.get(userId) ?? 0) + 1;
      heads.set(userId, pts);
      updates.push({ userId, pts, type: "C2C", conversationId, seq, body: null, createdAt: now });
      const key = `${userId} ${peer}`;
      const addUnread = (dialogs.get(key)?.addUnread ?? 0) + (userId === to ? 1 : 0);
      dialogs.set(key, { userId, peer, conversationId, kind: "user", topSeq: seq, addUnread, addMentions: 0, updatedAt: now });
    }
  }
  await tx.write({
    messages,
    updates,
    conversations: [...conversations.values()],
    membersAdded: [],
    membersRemoved: [],
    mailboxes: heads,
    dialogs: [...dialogs.values()],
    offsets: [{ topic: TOPIC, partition, nextOffset: offset + sends.length, batchBegin: offset }],
  });
};

/** The transaction of the message path alone, on one store: prints messages a second, the median of several runs. */
const measure = async (settings: Settings): Promise<number> => {
  const { store, close } = await open(settings);
  try {
    // Ids spread like real ones, in one order for all runs.
    const tag = Date.now().toString(36);
    const users = Array.from({ length: USERS }, (_, i) => `U${((i * 7919) % USERS).toString(36).padStart(5, "0")}${tag}1`);
    for (const id of users) await store.users.create({ id, account: id, passwordHash: "", nickname: "", avatar: "", createdAt: 0 });
    let nextId = BigInt(Date.now()) << 20n;
    const pick = (): string => users[Math.floor(Math.random() * USERS)] as string;
    const rates: number[] = [];
    // The first run warms up.
    for (let run = 0; run <= settings.runs; run++) {
      const begun = performance.now();
      for (let at = 0; at < settings.messages; at += settings.batch) {
        const sends = Array.from({ length: Math.min(settings.batch, settings.messages - at) }, () => {
          const from = pick();
          let to = pick();
          while (to === from) to = pick();
          nextId += 1n;
          return { from, to, id: nextId.toString() };
        });
        await store.ingest.transaction((tx) => ingest(tx, sends, run, at));
      }
      const rate = settings.messages / ((performance.now() - begun) / 1000);
      if (run > 0) rates.push(rate);
    }
    return median(rates);
  } finally {
    await close();
  }
};

const settingsOf = (args: readonly string[]): Settings[] => {
  const flags = parseFlags(args);
  const url = flags.get("url") ?? process.env.IM_STORE_URL;
  const wanted = flags.get("store");
  const stores = (["sqlite", "mysql"] as const).filter((store) => (wanted ? store === wanted : store === "sqlite" || url !== undefined));
  if (stores.length === 0) throw new Error("--store is sqlite or mysql");
  const batches = (flags.get("batch") ?? "500,2000,4000").split(",").map(Number);
  const messages = Number(flags.get("messages") ?? 60_000);
  const runs = Number(flags.get("runs") ?? 3);
  return stores.flatMap((store) => batches.map((batch) => ({ store, url, messages, batch, runs })));
};

/** `bench ingest [--store sqlite|mysql] [--url mysql://…] [--messages n] [--batch n,n] [--runs n]` */
export const benchIngest = async (args: readonly string[]): Promise<void> => {
  const rows: string[][] = [["store", "messages", "batch", "messages/s (median)"]];
  for (const settings of settingsOf(args)) {
    const rate = await measure(settings);
    rows.push([settings.store, String(settings.messages), String(settings.batch), Math.round(rate).toString()]);
  }
  process.stdout.write(`${table(rows)}\n`);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchIngest(process.argv.slice(2));
