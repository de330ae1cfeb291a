import { randomBytes } from "node:crypto";
import {
  type ConversationRow,
  type DialogChange,
  type IngestChanges,
  type IngestTransaction,
  type MemberRow,
  type MessageRow,
  noChanges,
  type Store,
  type UpdateRow,
  type UserRow,
} from "../port/index.js";

/** How the suite gets at one engine. All stores of a harness share their data. */
export interface StoreHarness {
  /** The store most tests use: open and migrated. */
  readonly store: Store;
  /** Another process's view of the same data; the same store where an engine admits one process only. */
  readonly other: Store;
  /** What `crash-child.js` opens: data of its own where an engine admits one process only. */
  readonly crashTarget: CrashTarget;
  /** Opens the crash target for checking, once no child runs. */
  openCrashTarget(): Promise<Store>;
}

export type CrashTarget = { readonly dataDir: string } | { readonly url: string };

export const T0 = Date.UTC(2026, 0, 1);

let counter = 0;
/** Unique in the data, also over several runs on one database. */
export const uniqueId = (prefix: string): string =>
  `${prefix}${randomBytes(5).toString("hex")}${(counter++).toString(36).padStart(4, "0")}`;

let messageCounter = BigInt(`0x${randomBytes(5).toString("hex")}`) << 20n;
export const nextMessageId = (): string => (++messageCounter).toString();

export const userRow = (over: Partial<UserRow> = {}): UserRow => {
  const id = uniqueId("U");
  return { id, account: `account-${id}`, passwordHash: "hash", nickname: "Ann", avatar: "", createdAt: T0, ...over };
};

export const newUser = async (store: Store, over: Partial<UserRow> = {}): Promise<string> => {
  const user = userRow(over);
  await store.users.create(user);
  return user.id;
};

export const newUsers = (store: Store, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => newUser(store)));

export const pairId = (a: string, b: string): string => (a < b ? `${a}_${b}` : `${b}_${a}`);

export const conversationRow = (over: Partial<ConversationRow> & { id: string }): ConversationRow => ({
  kind: "user",
  lastSeq: 0,
  title: "",
  avatar: "",
  ownerId: "",
  createdAt: T0,
  ...over,
});

export const memberRow = (conversationId: string, userId: string, over: Partial<MemberRow> = {}): MemberRow => ({
  conversationId,
  userId,
  role: "member",
  joinedSeq: 0,
  joinedAt: T0,
  mutedUntil: 0,
  lastSentAt: 0,
  ...over,
});

export const messageRow = (over: Partial<MessageRow> & { conversationId: string; seq: number }): MessageRow => {
  const id = nextMessageId();
  return {
    id,
    type: "C2C",
    from: "Ufrom",
    to: "Uto",
    clientMsgId: `c-${id}`,
    payload: '{"msg_type":"text","text":"hi"}',
    mentions: null,
    replyTo: null,
    createdAt: T0,
    serverTs: T0 + 3,
    bodyHash: "ab".repeat(32),
    forwardedFrom: null,
    edits: 0,
    editedAt: null,
    recalledAt: null,
    ...over,
  };
};

export const dialogChange = (userId: string, peer: string, over: Partial<DialogChange> = {}): DialogChange => ({
  userId,
  peer,
  conversationId: pairId(userId, peer),
  kind: "user",
  topSeq: 1,
  addUnread: 0,
  addMentions: 0,
  updatedAt: T0,
  ...over,
});

export interface Send {
  readonly from: string;
  readonly to: string;
  readonly over?: Partial<MessageRow>;
}

/** The 1:1 part of what ingest does with a batch: seq, pts, updates and dialogs; as simple as it can be. */
export const applySends = async (
  tx: IngestTransaction,
  sends: readonly Send[],
  over: Partial<IngestChanges> = {},
): Promise<MessageRow[]> => {
  const ids = sends.map(({ from, to }) => pairId(from, to));
  const known = await tx.lockConversations(ids);
  const heads = await tx.lockMailboxes(sends.flatMap(({ from, to }) => [from, to]));
  const conversations = new Map<string, ConversationRow>();
  const dialogs = new Map<string, DialogChange>();
  const messages: MessageRow[] = [];
  const updates: UpdateRow[] = [];
  for (const { from, to, over: fields } of sends) {
    const id = pairId(from, to);
    const before = conversations.get(id) ?? known.get(id) ?? conversationRow({ id });
    const seq = before.lastSeq + 1;
    conversations.set(id, { ...before, lastSeq: seq });
    const message = messageRow({ conversationId: id, seq, from, to, ...fields });
    messages.push(message);
    for (const [userId, peer] of [
      [from, to],
      [to, from],
    ] as const) {
      const pts = (heads.get(userId) ?? 0) + 1;
      heads.set(userId, pts);
      updates.push({ userId, pts, type: "C2C", conversationId: id, seq, body: null, createdAt: message.createdAt });
      const key = `${userId} ${peer}`;
      const addUnread = (dialogs.get(key)?.addUnread ?? 0) + (userId === to ? 1 : 0);
      dialogs.set(key, dialogChange(userId, peer, { topSeq: seq, addUnread, updatedAt: message.createdAt }));
    }
  }
  tx.write({
    ...noChanges,
    messages,
    updates,
    conversations: [...conversations.values()],
    mailboxes: heads,
    dialogs: [...dialogs.values()],
    ...over,
  });
  return messages;
};

export const send = (store: Store, sends: readonly Send[], over: Partial<IngestChanges> = {}): Promise<MessageRow[]> =>
  store.ingest.transaction((tx) => applySends(tx, sends, over));
