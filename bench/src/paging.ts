import { randomBytes } from "node:crypto";
import { apiOptions, createApiService } from "@dunlin/api";
import { conversationIdOf, domainOptions, openIdentity } from "@dunlin/domain";
import { type MessageRow, noChanges, type Store } from "@dunlin/engines/store";
import { median, parseFlags, table } from "./figures.js";
import { openEngines, type StoreKind, storeKinds } from "./stores.js";

const USAGE = `npm run bench -- paging [options]
  --store sqlite|mysql   default both; mysql: IM_STORE_URL or npm run engines -- up
  --messages N           of the large conversation, default 1000000
  --runs N               measured runs, the median counts, default 7
  --pages N              pages of each kind in a run, default 100`;

const PAGE = 50;
const SMALL = 100;
const INSERT_ROWS = 5_000;
const MESSAGE_ID_BASE = 6_000_000_000_000_000_000n;
const PAYLOAD = JSON.stringify({ msg_type: "text", text: "x".repeat(120) });

interface Account {
  readonly id: string;
  readonly token: string;
}

interface Conversation {
  readonly peer: string;
  readonly id: string;
  readonly messages: number;
}

let serial = 0n;

/** A conversation of two as ingest leaves it, in transactions of many rows. */
const fill = async (store: Store, from: string, peer: string, messages: number): Promise<Conversation> => {
  const id = conversationIdOf(from, peer);
  const createdAt = Date.now();
  for (let stored = 0; stored < messages; stored += INSERT_ROWS) {
    const rows = Array.from({ length: Math.min(INSERT_ROWS, messages - stored) }, (_, i): MessageRow => {
      const messageId = (MESSAGE_ID_BASE + serial++).toString();
      return {
        id: messageId,
        conversationId: id,
        seq: stored + i + 1,
        type: "C2C",
        from,
        to: peer,
        clientMsgId: messageId,
        payload: PAYLOAD,
        mentions: null,
        replyTo: null,
        createdAt,
        serverTs: createdAt,
        bodyHash: "ab".repeat(32),
        forwardedFrom: null,
        edits: 0,
        editedAt: null,
        recalledAt: null,
      };
    });
    const conversation = { id, kind: "user", lastSeq: stored + rows.length, title: "", avatar: "", ownerId: "", createdAt } as const;
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, messages: rows, conversations: [conversation] }));
  }
  return { peer, id, messages };
};

/** Where the pages of a kind begin: `beforeSeq` of each, undefined for the newest. */
const kinds: Readonly<Record<string, (conversation: Conversation, page: number) => number | undefined>> = {
  newest: () => undefined,
  // Full pages from anywhere in the conversation.
  middle: ({ messages }) => PAGE + 1 + Math.floor(Math.random() * (messages - PAGE)),
  // From the newest backwards, page after page; what ends begins anew.
  backwards: ({ messages }, page) => messages + 1 - ((page * PAGE) % (messages - (messages % PAGE))),
};

type Read = (conversation: Conversation, beforeSeq: number | undefined) => Promise<number>;

/** ms a page, the mean of a run. */
const run = async (read: Read, conversation: Conversation, placeOf: (typeof kinds)[string], pages: number): Promise<number> => {
  const places = Array.from({ length: pages }, (_, page) => placeOf(conversation, page));
  const began = performance.now();
  for (const place of places) {
    if ((await read(conversation, place)) !== PAGE) throw new Error(`a page before ${place} of ${conversation.messages} is not full`);
  }
  return (performance.now() - began) / pages;
};

const register = async (origin: string): Promise<Account> => {
  const account = { account: `bench-${randomBytes(6).toString("hex")}`, password: randomBytes(12).toString("hex") };
  const response = await fetch(`${origin}/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...account, device_id: "bench", platform: "bench" }),
  });
  const { data } = (await response.json()) as { data: { user: { id: string }; access_token: string } };
  return { id: data.user.id, token: data.access_token };
};

/** Rows of the table for one store, measured through the port and through HTTP. */
const measure = async (kind: StoreKind, messages: number, runs: number, pages: number): Promise<string[][]> => {
  const options = { ...domainOptions, ...apiOptions };
  const needs = ["registry", "cache", "queue", "blobs"] as const;
  const env = { IM_API_PORT: "0", IM_ACCESS_TTL_S: "3600", IM_RATE_OTHER_PER_S: "0", IM_AUTH_KEY: randomBytes(32).toString("hex") };
  const { host, config, close } = await openEngines(kind, options, needs, env);
  const identity = await openIdentity({ registry: host.engines.registry, clock: host.clock, config, owner: "bench", onSlotLost: () => {} });
  const api = createApiService({ ...host, ...host.engines, ...identity, config });
  try {
    await api.start();
    const origin = `http://127.0.0.1:${api.port}`;
    const { store } = host.engines;
    const [ann, bob, cat] = (await Promise.all([1, 2, 3].map(() => register(origin)))) as [Account, Account, Account];
    const small = await fill(store, ann.id, bob.id, SMALL);
    const began = performance.now();
    const large = await fill(store, ann.id, cat.id, messages);
    process.stderr.write(`${kind}: ${messages} messages written in ${((performance.now() - began) / 1000).toFixed(0)} s\n`);

    const throughPort: Read = async ({ id }, beforeSeq) =>
      (await store.messages.history({ conversationId: id, limit: PAGE, viewer: ann.id, ...(beforeSeq === undefined ? {} : { beforeSeq }) }))
        .length;
    const throughHttp: Read = async ({ peer }, beforeSeq) => {
      const query = beforeSeq === undefined ? "" : `&before_seq=${beforeSeq}`;
      const response = await fetch(`${origin}/v1/dialogs/${peer}/messages?limit=${PAGE}${query}`, {
        headers: { authorization: `Bearer ${ann.token}` },
      });
      const { data, msg } = (await response.json()) as { msg: string; data?: { items: unknown[] } };
      if (!data) throw new Error(msg);
      return data.items.length;
    };
    const rows: string[][] = [];
    for (const [way, read] of Object.entries({ port: throughPort, HTTP: throughHttp })) {
      for (const [name, placeOf] of Object.entries(kinds)) {
        const times: Record<"small" | "large", number[]> = { small: [], large: [] };
        // In turns, so that whatever else the machine does meets both; the first run warms up.
        for (let i = 0; i <= runs; i++) {
          for (const [size, conversation] of Object.entries({ small, large }) as ["small" | "large", Conversation][]) {
            const ms = await run(read, conversation, placeOf, pages);
            if (i > 0) times[size].push(ms);
          }
        }
        const [few, many] = [median(times.small), median(times.large)];
        rows.push([kind, way, name, few.toFixed(3), many.toFixed(3), (many / few).toFixed(2)]);
      }
    }
    return rows;
  } finally {
    await api.drain();
    await api.stop();
    await identity.close();
    await close();
  }
};

/** Pages of 50 messages from a conversation of 1,000,000 against one of 100: one after the other, by one reader. */
export const benchPaging = async (args: readonly string[]): Promise<void> => {
  const flags = parseFlags(args);
  if (flags.has("help")) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const messages = Number(flags.get("messages") ?? 1_000_000);
  const runs = Number(flags.get("runs") ?? 7);
  const pages = Number(flags.get("pages") ?? 100);
  const rows = [["store", "through", "page", `of ${SMALL}, ms`, `of ${messages}, ms`, "ratio"]];
  for (const kind of storeKinds) {
    if ((flags.get("store") ?? kind) === kind) rows.push(...(await measure(kind, messages, runs, pages)));
  }
  process.stdout.write(`${PAGE} messages a page, medians of ${runs} runs of ${pages} pages\n${table(rows)}\n`);
};
