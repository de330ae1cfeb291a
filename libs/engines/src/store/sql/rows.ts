import type {
  ConversationKind,
  ConversationRow,
  DialogRow,
  JobRun,
  MemberRole,
  MemberRow,
  MessageRow,
  MessageType,
  SentMessage,
  SessionRow,
  SupergroupState,
  UserRow,
} from "../port/index.js";
import { pairId } from "./pairs.js";
import type { Row } from "./session.js";

/** Integers below 2^53, which MySQL gives as text. */
export const numberOf = (value: unknown): number => Number(value);
const nullableNumber = (value: unknown): number | null => (value === null ? null : Number(value));
/** Text, which MySQL gives as bytes when the column is compared bytewise; "" for null. */
export const textOf = (value: unknown): string =>
  value === null ? "" : typeof value === "string" ? value : Buffer.isBuffer(value) ? value.toString("utf8") : String(value);
export const nullableText = (value: unknown): string | null => (value === null ? null : textOf(value));

export const userColumns = ["id", "account", "password_hash", "nickname", "avatar", "created_at", "bio", "deactivated_at"] as const;

export const userOf = (row: Row): UserRow => ({
  id: textOf(row.id),
  account: textOf(row.account),
  passwordHash: textOf(row.password_hash),
  nickname: textOf(row.nickname),
  avatar: textOf(row.avatar),
  createdAt: numberOf(row.created_at),
  ...(row.bio === null || row.bio === "" ? {} : { bio: textOf(row.bio) }),
  ...(numberOf(row.deactivated_at) === 0 ? {} : { deactivatedAt: numberOf(row.deactivated_at) }),
});

export const sessionOf = (row: Row): SessionRow => ({
  id: textOf(row.id),
  userId: textOf(row.user_id),
  deviceId: textOf(row.device_id),
  platform: textOf(row.platform),
  refreshHash: textOf(row.refresh_hash),
  createdAt: numberOf(row.created_at),
  lastUsedAt: numberOf(row.last_used_at),
  expiresAt: numberOf(row.expires_at),
  revokedAt: nullableNumber(row.revoked_at),
});

export const groupColumns = ["id", "kind", "last_seq", "title", "avatar", "owner_id", "created_at", "successor_id"] as const;
export const supergroupColumns = ["member_count", "message_count", "top_seq", "active_at", "origin_id", "origin_seq"] as const;
export const conversationColumns = [...groupColumns, ...supergroupColumns, "relation"] as const;

export const conversationOf = (row: Row): ConversationRow => ({
  id: textOf(row.id),
  kind: textOf(row.kind) as ConversationKind,
  lastSeq: numberOf(row.last_seq),
  title: textOf(row.title),
  avatar: textOf(row.avatar),
  ownerId: textOf(row.owner_id),
  createdAt: numberOf(row.created_at),
  ...(numberOf(row.relation) === 0 ? {} : { relation: numberOf(row.relation) }),
  ...(textOf(row.kind) === "supergroup" && { supergroup: supergroupOf(row) }),
  ...(row.successor_id !== null && { successorId: textOf(row.successor_id) }),
});

const supergroupOf = (row: Row): SupergroupState => ({
  memberCount: numberOf(row.member_count),
  messageCount: numberOf(row.message_count),
  topSeq: numberOf(row.top_seq),
  activeAt: numberOf(row.active_at),
  ...(row.origin_id !== null && { origin: { conversationId: textOf(row.origin_id), seq: numberOf(row.origin_seq) } }),
});

export const memberColumns = ["conversation_id", "user_id", "role", "joined_seq", "joined_at", "muted_until", "last_sent_at"] as const;

export const memberOf = (row: Row): MemberRow => ({
  conversationId: textOf(row.conversation_id),
  userId: textOf(row.user_id),
  role: textOf(row.role) as MemberRole,
  joinedSeq: numberOf(row.joined_seq),
  joinedAt: numberOf(row.joined_at),
  mutedUntil: numberOf(row.muted_until),
  lastSentAt: numberOf(row.last_sent_at),
});

const memberOrder = (a: MemberRow, b: MemberRow): number =>
  a.joinedAt - b.joinedAt || (a.userId < b.userId ? -1 : a.userId > b.userId ? 1 : 0);

/** Members in the port's order: by joinedAt, then userId. */
export const membersOf = (rows: readonly Row[]): MemberRow[] => rows.map(memberOf).sort(memberOrder);

/** What every message is stored with. */
export const newMessageColumns = [
  "conversation_id",
  "seq",
  "id",
  "type",
  "sender_id",
  "recipient_id",
  "client_msg_id",
  "payload",
  "mentions",
  "reply_to",
  "created_at",
  "server_ts",
  "body_hash",
] as const;

export const messageColumns = [...newMessageColumns, "forwarded_from", "edits", "edited_at", "recalled_at"] as const;

export const messageOf = (row: Row): MessageRow => ({
  id: textOf(row.id),
  conversationId: textOf(row.conversation_id),
  seq: numberOf(row.seq),
  type: textOf(row.type) as MessageType,
  from: textOf(row.sender_id),
  to: textOf(row.recipient_id),
  clientMsgId: textOf(row.client_msg_id),
  payload: textOf(row.payload),
  mentions: nullableText(row.mentions),
  replyTo: nullableText(row.reply_to),
  createdAt: numberOf(row.created_at),
  serverTs: numberOf(row.server_ts),
  bodyHash: textOf(row.body_hash),
  forwardedFrom: nullableText(row.forwarded_from),
  edits: numberOf(row.edits),
  editedAt: nullableNumber(row.edited_at),
  recalledAt: nullableNumber(row.recalled_at),
});

export const sentColumns = ["sender_id", "client_msg_id", "id", "conversation_id", "body_hash", "created_at"] as const;

export const sentOf = (row: Row): SentMessage => ({
  senderId: textOf(row.sender_id),
  clientMsgId: textOf(row.client_msg_id),
  id: textOf(row.id),
  conversationId: textOf(row.conversation_id),
  bodyHash: textOf(row.body_hash),
  createdAt: numberOf(row.created_at),
});

export const dialogColumns = [
  "user_id",
  "peer",
  "conversation_id",
  "kind",
  "top_seq",
  "read_seq",
  "unread",
  "unread_mentions",
  "pinned",
  "muted_until",
  "draft",
  "archived",
  "marked_unread",
  "cleared_seq",
  "hidden",
  "left_seq",
  "left_title",
  "left_avatar",
  "updated_at",
  "read_count",
] as const;

export const dialogOf = (row: Row): DialogRow => ({
  userId: textOf(row.user_id),
  peer: textOf(row.peer),
  // Null in the dialogs of two users, whose conversation follows from them (see the dialogs of `ingest.ts`).
  conversationId: row.conversation_id === null ? pairId(textOf(row.user_id), textOf(row.peer)) : textOf(row.conversation_id),
  kind: row.kind === null ? "user" : (textOf(row.kind) as ConversationKind),
  topSeq: numberOf(row.top_seq),
  readSeq: numberOf(row.read_seq),
  unread: numberOf(row.unread),
  unreadMentions: numberOf(row.unread_mentions),
  pinned: numberOf(row.pinned),
  mutedUntil: numberOf(row.muted_until),
  draft: textOf(row.draft),
  archived: numberOf(row.archived) === 1,
  markedUnread: numberOf(row.marked_unread) === 1,
  clearedSeq: numberOf(row.cleared_seq),
  hidden: numberOf(row.hidden) === 1,
  leftSeq: nullableNumber(row.left_seq),
  leftTitle: textOf(row.left_title),
  leftAvatar: textOf(row.left_avatar),
  updatedAt: numberOf(row.updated_at),
  ...(textOf(row.kind) === "supergroup" && { readCount: numberOf(row.read_count) }),
});

export const jobRunOf = (row: Row): JobRun => ({
  job: textOf(row.job),
  dueAt: numberOf(row.due_at),
  finishedAt: nullableNumber(row.finished_at),
  outcome: nullableText(row.outcome) as JobRun["outcome"],
  done: numberOf(row.done),
});
