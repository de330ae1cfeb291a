import { applyCommands, conversationIdOf, newId, searchWords, type ValidCommand } from "@dunlin/domain";
import type { Store } from "@dunlin/engines/store";
import { sleep } from "@dunlin/runtime";
import { median, parseFlags, table } from "./figures.js";
import { openStore, storeKinds } from "./stores.js";

const USAGE = `npm run bench -- ingest [options]
  --store sqlite|mysql   default both; mysql: IM_STORE_URL or npm run engines -- up
  --messages N           messages a run writes, default 60000
  --batch N,N            messages a transaction writes, default 500,1000,2000,4000
  --runs N               measured runs, the median counts, default 3
  --search               texts of 20 words, and each run three times: without the note that the search index follows, with it,
                         and with the index following in this process`;

const USERS = 1_000;
const TOPIC = "commands";
const TEXT = JSON.stringify({ msg_type: "text", text: "x".repeat(120) });
const WORDS = Array.from({ length: 5_000 }, (_, i) => i.toString(36).padStart(5, "w"));

const sentence = (): string => {
  const words = Array.from({ length: 20 }, () => WORDS[Math.floor(Math.random() * WORDS.length)]);
  return JSON.stringify({ msg_type: "text", text: words.join(" ") });
};
const MESSAGE_ID_BASE = 5_000_000_000_000_000_000n;

interface Settings {
  readonly messages: number;
  readonly batch: number;
  readonly runs: number;
  readonly search: boolean;
}

/** How a run stands to search: system notices leave no note, and are otherwise written as all messages are. */
const searchRuns = ["no note", "a note", "indexed meanwhile"] as const;
type Run = (typeof searchRuns)[number];

/** Indexes what is stored until it is told to stop. */
const follow = (store: Store): (() => Promise<void>) => {
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted) if ((await store.search.follow(1_000, searchWords)) === 0) await sleep(50, stop.signal);
  })();
  return () => {
    stop.abort();
    return running;
  };
};

let serial = 0n;

/** A 1:1 text of 120 bytes as it stands in the queue. */
const sendBetween = (users: readonly string[], payload: string): ValidCommand => {
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
        payload,
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

/** The transaction of the message path as ingest runs it, rules included, without queue and deliveries. @returns messages/s by run */
const measure = async (store: Store, { messages, batch, runs, search }: Settings, partition: number): Promise<Map<Run, number>> => {
  const users = Array.from({ length: USERS }, () => newId("U"));
  for (const id of users) await store.users.create({ id, account: id, passwordHash: "-", nickname: "", avatar: "", createdAt: 0 });
  const rates = new Map<Run, number[]>((search ? searchRuns : (["a note"] as const)).map((run) => [run, []]));
  let offset = 0;
  // The first round warms up.
  for (let round = 0; round <= runs; round++) {
    for (const [run, measured] of rates) {
      const texts = search ? sentence : () => TEXT;
      const batches = Array.from({ length: Math.ceil(messages / batch) }, () =>
        Array.from({ length: batch }, () => sendBetween(users, texts())),
      );
      const stop = run === "indexed meanwhile" ? follow(store) : undefined;
      const began = performance.now();
      for (const commands of batches) {
        const next = offset + commands.length;
        await store.ingest.transaction(async (tx) => {
          await tx.lockOffsets(TOPIC, [partition]);
          const { changes } = await applyCommands(
            tx,
            commands,
            { groupMembersMax: 20, supergroupMembersMax: 200, contactPauseMs: 0, joinRequestPauseMs: 0 },
            Date,
          );
          const written = run === "no note" ? { messages: changes.messages.map((message) => ({ ...message, type: "S2C" as const })) } : {};
          tx.write({ ...changes, ...written, offsets: [{ topic: TOPIC, partition, nextOffset: next, batchBegin: offset }] });
        });
        offset = next;
      }
      if (round > 0) measured.push((batches.length * batch) / ((performance.now() - began) / 1000));
      await stop?.();
      // The next run finds nothing left to do.
      if (search) while ((await store.search.follow(5_000, searchWords)) > 0);
    }
  }
  return new Map([...rates].map(([run, measured]) => [run, median(measured)]));
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
  const search = flags.has("search");
  const rows = [["store", "batch", ...(search ? searchRuns : ["messages/s (median)"])]];
  for (const kind of storeKinds) {
    if ((flags.get("store") ?? kind) !== kind) continue;
    const { store, close } = await openStore(kind);
    try {
      for (const [partition, batch] of batches.entries()) {
        const rates = [...(await measure(store, { messages, batch, runs, search }, partition)).values()];
        const ratio = (rate: number, i: number): string => (i > 0 ? ` (${(rate / (rates[0] ?? rate)).toFixed(2)})` : "");
        rows.push([kind, String(batch), ...rates.map((rate, i) => rate.toFixed(0) + ratio(rate, i))]);
      }
    } finally {
      await close();
    }
  }
  process.stdout.write(`${runs} runs of ${messages} messages, 1:1 among ${USERS} users\n${table(rows)}\n`);
};
