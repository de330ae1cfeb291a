/**
 * The store: the truth about users, conversations, messages, mailboxes and offsets.
 *
 * Guarantees every engine gives:
 * - A write that resolved survives kill -9 of every process (SQLite synchronous=FULL, InnoDB flush at commit).
 * - `ingest.transaction` is atomic and READ COMMITTED with row locks; it is retried whole on deadlock and lock timeout.
 * - Ids compare bytewise; text keeps every Unicode character (utf8mb4).
 * - It rejects with AppError UNAVAILABLE when the engine cannot be reached or is too slow (retryable), CONFLICT on a
 *   unique key, INTERNAL on anything else.
 * - Times are integer ms since 1970. Message ids are decimal strings (63 bit). seq and pts are numbers below 2^53.
 */
export interface Store {
  readonly engine: "sqlite" | "mysql";
  readonly users: Users;
  readonly sessions: Sessions;
  readonly conversations: Conversations;
  readonly messages: Messages;
  readonly updates: Updates;
  readonly dialogs: Dialogs;
  readonly ingest: Ingest;
  readonly jobs: Jobs;
  /** Brings the schema to the newest version. Safe to call from several processes at once. */
  migrate(): Promise<void>;
  /** Rejects when the engine cannot be reached within a second, or the schema is not the one this code needs. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface UserRow {
  readonly id: string;
  readonly account: string;
  readonly passwordHash: string;
  readonly nickname: string;
  readonly avatar: string;
  readonly createdAt: number;
}

export interface Users {
  /** Creates the user and its mailbox. @throws AppError ACCOUNT_TAKEN */
  create(user: UserRow): Promise<void>;
  get(ids: readonly string[]): Promise<UserRow[]>;
  byAccount(account: string): Promise<UserRow | undefined>;
  updateProfile(id: string, profile: { nickname?: string; avatar?: string }): Promise<void>;
}

export interface SessionRow {
  readonly id: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly platform: string;
  /** SHA-256 of the current refresh token, hex. */
  readonly refreshHash: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
}

/** A refresh token traded for the next; hashes as in SessionRow, times in ms since 1970. */
export interface Rotation {
  readonly from: string;
  readonly to: string;
  readonly usedAt: number;
  readonly expiresAt: number;
  readonly graceMs: number;
}

export interface Sessions {
  /**
   * Opens a session; the device's earlier sessions are revoked in the same transaction.
   * @returns the ids of the sessions it replaced.
   */
  open(session: SessionRow): Promise<string[]>;
  get(id: string): Promise<SessionRow | undefined>;
  /** Active sessions of a user at `now`, newest use first. */
  list(userId: string, now: number): Promise<SessionRow[]>;
  /**
   * Replaces the refresh hash by `to` if the session is active and `from` is its hash, or is the one before that and was
   * first replaced less than `graceMs` ago: its answer may have been lost. False when it was not (reuse).
   */
  rotate(id: string, rotation: Rotation): Promise<boolean>;
  /** Revokes active sessions of a user (all when ids is undefined). @returns the ids that were active. */
  revoke(userId: string, ids: readonly string[] | undefined, at: number): Promise<string[]>;
  /** Removes sessions that expired or were revoked before `before`, at most `limit`. @returns how many. */
  removeEnded(before: number, limit: number): Promise<number>;
}

export type ConversationKind = "user" | "group" | "supergroup" | "system";

export interface ConversationRow {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly lastSeq: number;
  readonly title: string;
  readonly avatar: string;
  readonly ownerId: string;
  readonly createdAt: number;
}

export type MemberRole = "owner" | "admin" | "member";

export interface MemberRow {
  readonly conversationId: string;
  readonly userId: string;
  readonly role: MemberRole;
  /** The conversation's last seq when the user joined: what lies up to it is not the user's to read. */
  readonly joinedSeq: number;
  readonly joinedAt: number;
}

export interface Conversations {
  get(ids: readonly string[]): Promise<ConversationRow[]>;
  /** Ordered by joinedAt, then userId. */
  members(conversationId: string): Promise<MemberRow[]>;
  /** One user's membership in many conversations. */
  memberships(userId: string, conversationIds: readonly string[]): Promise<MemberRow[]>;
}

export type MessageType = "C2C" | "C2G" | "C2S" | "S2C";

export interface MessageRow {
  readonly id: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly type: MessageType;
  readonly from: string;
  readonly to: string;
  readonly clientMsgId: string;
  /** The payload object as JSON text. */
  readonly payload: string;
  /** JSON text of string[], or null. */
  readonly mentions: string | null;
  readonly replyTo: string | null;
  readonly createdAt: number;
  readonly serverTs: number;
  /** SHA-256 of what makes two sends the same, hex. */
  readonly bodyHash: string;
}

export interface SendKey {
  readonly senderId: string;
  readonly clientMsgId: string;
}

/** What the store holds under a send key. */
export interface SentMessage extends SendKey {
  readonly id: string;
  readonly conversationId: string;
  readonly bodyHash: string;
  readonly createdAt: number;
}

export interface HistoryQuery {
  readonly conversationId: string;
  /** Exclusive bounds; with beforeSeq alone the newest `limit` below it, with afterSeq the oldest `limit` above it. */
  readonly beforeSeq?: number;
  readonly afterSeq?: number;
  readonly limit: number;
}

export interface Messages {
  get(ids: readonly string[]): Promise<MessageRow[]>;
  /** The messages at these places (conversation, seq), those that exist; for the dialogs' top messages. */
  at(places: readonly { conversationId: string; seq: number }[]): Promise<MessageRow[]>;
  /** Which of these sends are stored already. */
  sent(keys: readonly SendKey[]): Promise<SentMessage[]>;
  /** Always ascending by seq. */
  history(query: HistoryQuery): Promise<MessageRow[]>;
}

/** An entry of a user's update log. */
export interface UpdateRow {
  readonly userId: string;
  readonly pts: number;
  /** The frame's type: C2C, C2G, S2C, READ, MEMBER, REJECT … */
  readonly type: string;
  readonly conversationId: string;
  /** The message it shows (message updates), else 0. */
  readonly seq: number;
  /** Other updates: the frame's fields behind the pts as JSON object text; null for message updates. */
  readonly body: string | null;
  readonly createdAt: number;
}

/** An update with its message, when it shows one. */
export interface UpdateWithMessage extends UpdateRow {
  readonly message: MessageRow | null;
}

export interface Difference {
  readonly updates: UpdateWithMessage[];
  /** The user's newest pts. */
  readonly pts: number;
  readonly hasMore: boolean;
  /** The pts asked for lies before what is kept, or beyond the newest: the client reloads. */
  readonly tooLong: boolean;
}

export interface Updates {
  /**
   * Updates with a pts greater than `pts`, ascending without a gap, at most `limit` (0: only the newest pts).
   * @throws AppError NOT_FOUND for a user that does not exist.
   */
  difference(userId: string, pts: number, limit: number): Promise<Difference>;
  /**
   * Trims logs from their old end: entries older than `before`, and those beyond the newest `keep` of a user; at most
   * about `limit` rows a call. @returns how many rows went.
   */
  trim(before: number, keep: number, limit: number): Promise<number>;
}

export interface DialogRow {
  readonly userId: string;
  readonly peer: string;
  readonly conversationId: string;
  readonly kind: ConversationKind;
  readonly topSeq: number;
  readonly readSeq: number;
  readonly unread: number;
  readonly unreadMentions: number;
  readonly pinned: boolean;
  readonly mutedUntil: number;
  readonly draft: string;
  readonly archived: boolean;
  readonly updatedAt: number;
}

export interface DialogCursor {
  readonly pinned: boolean;
  readonly updatedAt: number;
  readonly peer: string;
}

export interface Dialogs {
  get(userId: string, peer: string): Promise<DialogRow | undefined>;
  /** Pinned first, then by updatedAt descending, then by peer ascending; after the cursor. */
  list(userId: string, cursor: DialogCursor | undefined, limit: number): Promise<DialogRow[]>;
  /** Members other than the sender whose read position has reached `seq`. */
  readers(conversationId: string, seq: number): Promise<{ userId: string; readSeq: number }[]>;
  /** Unread as a recomputation from the messages gives it: messages of others behind the read position. */
  recountUnread(userId: string, peer: string): Promise<number>;
}

/** What ingest needs, called in this order so that locks are always taken in one order. */
export interface IngestTransaction {
  /** The stored next offset of each partition, locked; a partition never seen is missing. */
  lockOffsets(topic: string, partitions: readonly number[]): Promise<Map<number, number>>;
  sent(keys: readonly SendKey[]): Promise<SentMessage[]>;
  /** Locked in sorted order; missing conversations are missing from the map. */
  lockConversations(ids: readonly string[]): Promise<Map<string, ConversationRow>>;
  members(conversationIds: readonly string[]): Promise<MemberRow[]>;
  /** The newest pts of each user that exists, locked in sorted order. */
  lockMailboxes(userIds: readonly string[]): Promise<Map<string, number>>;
  dialogs(keys: readonly { userId: string; peer: string }[]): Promise<DialogRow[]>;
  /** Stored messages of others than `userId` in (afterSeq, upToSeq], and how many of them mention the user or "@all". */
  countUnread(conversationId: string, userId: string, afterSeq: number, upToSeq: number): Promise<{ unread: number; mentions: number }>;
  /** Hands over what is to be written: carried out together with the commit, once `work` has resolved. Reads do not see it. */
  write(changes: IngestChanges): void;
}

/** One change of one dialog row (created when missing, with readSeq 0). */
export interface DialogChange {
  readonly userId: string;
  readonly peer: string;
  readonly conversationId: string;
  readonly kind: ConversationKind;
  readonly topSeq: number;
  /** Added to what is stored, unless `read` is given. */
  readonly addUnread: number;
  readonly addMentions: number;
  /** Replaces read position and counts. */
  readonly read?: { readonly readSeq: number; readonly unread: number; readonly unreadMentions: number };
  /** ms of the newest activity; a dialog's updatedAt never goes back. */
  readonly updatedAt: number;
}

export interface OffsetChange {
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: number;
  /** Where this batch began: after a restart its deliveries are produced again. */
  readonly batchBegin: number;
}

export interface IngestChanges {
  readonly messages: readonly MessageRow[];
  readonly updates: readonly UpdateRow[];
  /** Every conversation whose row changes or begins, with its new values. */
  readonly conversations: readonly ConversationRow[];
  /** New members, and members whose role changes. Removals are written first: who is in both lists has joined anew. */
  readonly membersAdded: readonly MemberRow[];
  readonly membersRemoved: readonly { readonly conversationId: string; readonly userId: string }[];
  /** userId → new pts; only users that exist. */
  readonly mailboxes: ReadonlyMap<string, number>;
  /** At most one change a dialog. */
  readonly dialogs: readonly DialogChange[];
  readonly offsets: readonly OffsetChange[];
}

/** Changes that change nothing: what only moves offsets begins with it. */
export const noChanges: IngestChanges = {
  messages: [],
  updates: [],
  conversations: [],
  membersAdded: [],
  membersRemoved: [],
  mailboxes: new Map(),
  dialogs: [],
  offsets: [],
};

export interface Ingest {
  /** Runs `work` in one transaction; resolves when committed. Retried whole on deadlock and lock timeout. */
  transaction<T>(work: (tx: IngestTransaction) => T | Promise<T>): Promise<T>;
  offsets(topic: string, partitions: readonly number[]): Promise<Map<number, { nextOffset: number; batchBegin: number }>>;
}

export interface JobRun {
  readonly job: string;
  readonly dueAt: number;
  readonly finishedAt: number | null;
  readonly outcome: "ok" | "failed" | null;
  readonly done: number;
}

export interface Jobs {
  /**
   * Claims one run of a job: true for exactly one caller per (job, dueAt), and only while no newer token has claimed
   * this job (fencing).
   */
  claim(job: string, dueAt: number, token: number, owner: string, at: number): Promise<boolean>;
  /** Notes the outcome of a claimed run; `done` is how many rows it changed. */
  finish(job: string, dueAt: number, at: number, outcome: "ok" | "failed", done: number): Promise<void>;
  last(job: string): Promise<JobRun | undefined>;
}
