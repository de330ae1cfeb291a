import { Access, conversationIdOf, newId, Search, searchWords } from "@dunlin/domain";
import { type DialogChange, type MessageRow, noChanges, type Store } from "@dunlin/engines/store";
import { median, parseFlags, quantile, table } from "./figures.js";
import { openStore, storeKinds } from "./stores.js";

const USAGE = `npm run bench -- search [options]
  --store sqlite|mysql   default both; mysql: IM_STORE_URL or npm run engines -- up
  --messages N           default 1000000
  --queries N            of each kind, default 200`;

const USERS = 2_000;
/** Conversations of each user, about; a tenth of all messages is said in one supergroup that everybody is in. */
const PEERS = 25;
const BATCH = 2_000;
const LIMIT = 20;
const MESSAGE_ID_BASE = 6_000_000_000_000_000_000n;

/** The same every time. */
let state = 12345;
const random = (): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return state / 0x80000000;
};
/** Of `count` things the first is the most common, as words are. */
const rank = (count: number): number => Math.floor(count ** random()) - 1;

const CHARACTERS = 3_000;
const WORDS = 30_000;
/** A block of Han characters in use. */
const character = (n: number): string => String.fromCodePoint(0x4e00 + n * 5);
const word = (n: number): string => {
  let text = "";
  for (let rest = n + 20; rest > 0; rest = Math.floor(rest / 20)) text += "bcdfghjklmnpqrstvwxz"[rest % 20] + ("aeiou"[rest % 5] ?? "");
  return text;
};

/** Half Chinese of 6 to 24 characters, half words, 3 to 12 of them. */
const sentence = (): string => {
  const chinese = random() < 0.5;
  const length = chinese ? 6 + Math.floor(random() * 19) : 3 + Math.floor(random() * 10);
  return Array.from({ length }, () => (chinese ? character(rank(CHARACTERS)) : word(rank(WORDS)))).join(chinese ? "" : " ");
};

interface World {
  readonly users: readonly string[];
  readonly supergroup: string;
}

/** Users with dialogs; the message path's other tables stay empty. */
const populate = async (store: Store, messages: number): Promise<World> => {
  const users = Array.from({ length: USERS }, () => newId("U"));
  const supergroup = newId("C");
  const pairs = users.flatMap((user, i) =>
    Array.from({ length: PEERS / 2 }, (_, k) => [user, users[(i + k + 1) % USERS] as string] as const),
  );
  const dialog = (userId: string, peer: string, conversationId: string, kind: DialogChange["kind"]): DialogChange => ({
    userId,
    peer,
    conversationId,
    kind,
    topSeq: 1,
    addUnread: 0,
    addMentions: 0,
    updatedAt: 1,
    ...(kind === "supergroup" ? { readCount: 0 } : {}),
  });
  await store.ingest.transaction((tx) =>
    tx.write({
      ...noChanges,
      conversations: [
        {
          id: supergroup,
          kind: "supergroup",
          lastSeq: 1,
          title: "all",
          avatar: "",
          ownerId: "",
          createdAt: 1,
          supergroup: { memberCount: USERS, messageCount: 0, topSeq: 0, activeAt: 1 },
        },
      ],
      membersAdded: users.map((userId) => ({
        conversationId: supergroup,
        userId,
        role: "member" as const,
        joinedSeq: 0,
        joinedAt: 1,
        mutedUntil: 0,
        lastSentAt: 0,
      })),
      dialogs: [
        ...pairs.flatMap(([a, b]) => {
          const id = conversationIdOf(a, b);
          return [dialog(a, b, id, "user"), dialog(b, a, id, "user")];
        }),
        ...users.map((user) => dialog(user, supergroup, supergroup, "supergroup")),
      ],
    }),
  );
  const seqs = new Map<string, number>();
  for (let made = 0; made < messages; ) {
    const batch: MessageRow[] = [];
    while (batch.length < BATCH && made < messages) {
      made += 1;
      const [a, b] = pairs[Math.floor(random() * pairs.length)] as readonly [string, string];
      const inSupergroup = made % 10 === 0;
      const conversationId = inSupergroup ? supergroup : conversationIdOf(a, b);
      const seq = (seqs.get(conversationId) ?? 0) + 1;
      seqs.set(conversationId, seq);
      batch.push({
        id: String(MESSAGE_ID_BASE + BigInt(made)),
        conversationId,
        seq,
        type: inSupergroup ? "C2S" : "C2C",
        from: a,
        to: inSupergroup ? supergroup : b,
        clientMsgId: String(made),
        payload: JSON.stringify({ msg_type: "text", text: sentence() }),
        mentions: null,
        replyTo: null,
        createdAt: made,
        serverTs: made,
        bodyHash: "00",
        forwardedFrom: null,
        edits: 0,
        editedAt: null,
        recalledAt: null,
      });
    }
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, messages: batch }));
  }
  return { users, supergroup };
};

/** The index of a store full of messages: how fast it is made, and how fast it answers. */
export const benchSearch = async (args: readonly string[]): Promise<void> => {
  const flags = parseFlags(args);
  if (flags.has("help")) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const messages = Number(flags.get("messages") ?? 1_000_000);
  const queries = Number(flags.get("queries") ?? 200);
  for (const kind of storeKinds) {
    if ((flags.get("store") ?? kind) !== kind) continue;
    const { store, close } = await openStore(kind);
    try {
      const { users, supergroup } = await populate(store, messages);
      const began = performance.now();
      let indexed = 0;
      for (let done = -1; done !== 0; indexed += done) done = await store.search.follow(1_000, searchWords);
      const rate = indexed / ((performance.now() - began) / 1000);
      const search = new Search(store, new Access(store, Date));
      const asked: readonly (readonly [string, (n: number) => string, string?])[] = [
        ["two common Chinese characters", (n) => character(n % 5) + character(n % 7)],
        ["one common Chinese character", (n) => character(n % 5)],
        ["two rare Chinese characters", (n) => character(2_000 + (n % 500)) + character(n % 50)],
        ["a common word", (n) => word(n % 5)],
        ["three common words", (n) => `${word(n % 5)} ${word(n % 7)} ${word(n % 11)}`],
        ["a rare word", (n) => word(20_000 + n * 10)],
        ["two letters of a word's beginning", (n) => word(n).slice(0, 2)],
        ["a common word, in the supergroup", (n) => word(n % 5), supergroup],
        ["a rare word, in the supergroup", (n) => word(20_000 + n * 10), supergroup],
      ];
      const rows = [["searched for", "p50 ms", "p99 ms", "found, median"]];
      for (const [what, text, peer] of asked) {
        const times: number[] = [];
        const counts: number[] = [];
        for (let n = 0; n < queries; n++) {
          const user = users[Math.floor(random() * users.length)] as string;
          const at = performance.now();
          const { found } = await search.find(user, text(n), peer, undefined, LIMIT);
          times.push(performance.now() - at);
          counts.push(found.length);
        }
        rows.push([what, quantile(times, 0.5).toFixed(1), quantile(times, 0.99).toFixed(1), String(median(counts))]);
      }
      process.stdout.write(
        `${kind}: ${messages} messages, a tenth of them in one supergroup, the rest 1:1 among ${USERS} users; indexed at ${rate.toFixed(0)}/s\n${table(rows)}\n\n`,
      );
    } finally {
      await close();
    }
  }
};
