import type { SqlDialect } from "../dialect.js";
import { createTable, type Table } from "./tables.js";
import type { SchemaChange } from "./version.js";

/**
 * Where InnoDB clusters, messages lie by conversation, as they are read. In SQLite rows of that size at random places would make
 * every message dirty a page of its own, and each commit write all of them: there they lie by id, which rises.
 */
const messagePlaces = (dialect: SqlDialect): Pick<Table, "primaryKey" | "appended" | "indexes"> => {
  const sent = { name: "messages_sent", columns: ["sender_id", "client_msg_id"], unique: true };
  return dialect.clustersCheaply
    ? { primaryKey: ["conversation_id", "seq"], indexes: [{ name: "messages_id", columns: ["id"], unique: true }, sent] }
    : {
        primaryKey: ["id"],
        appended: true,
        indexes: [{ name: "messages_place", columns: ["conversation_id", "seq"], unique: true }, sent],
      };
};

/** The first schema. Hot tables carry no index that a query of the message path does not need. */
const tablesOf = (dialect: SqlDialect): readonly Table[] => [
  {
    name: "users",
    columns: { id: "id", account: "key", password_hash: "text", nickname: "text", avatar: "text", created_at: "integer" },
    primaryKey: ["id"],
    indexes: [{ name: "users_account", columns: ["account"], unique: true }],
  },
  {
    name: "sessions",
    columns: {
      id: "id",
      user_id: "id",
      device_id: "key",
      platform: "key",
      refresh_hash: "word",
      created_at: "integer",
      last_used_at: "integer",
      expires_at: "integer",
      revoked_at: "integer?",
    },
    primaryKey: ["id"],
    indexes: [
      { name: "sessions_user", columns: ["user_id"] },
      { name: "sessions_expiry", columns: ["expires_at"] },
    ],
  },
  { name: "mailboxes", columns: { user_id: "id", pts: "integer", min_pts: "integer=0" }, primaryKey: ["user_id"] },
  {
    name: "conversations",
    columns: {
      id: "id",
      kind: "word",
      last_seq: "integer",
      title: "text?",
      avatar: "text?",
      owner_id: "id?",
      created_at: "integer",
    },
    primaryKey: ["id"],
  },
  {
    name: "members",
    columns: { conversation_id: "id", user_id: "id", role: "word", joined_seq: "integer", joined_at: "integer" },
    primaryKey: ["conversation_id", "user_id"],
    indexes: [{ name: "members_user", columns: ["user_id"] }],
  },
  {
    name: "messages",
    columns: {
      conversation_id: "id",
      seq: "integer",
      id: "messageId",
      type: "word",
      sender_id: "id",
      recipient_id: "id",
      client_msg_id: "key",
      payload: "text",
      mentions: "text?",
      reply_to: "word?",
      created_at: "integer",
      server_ts: "integer",
      body_hash: "word",
    },
    ...messagePlaces(dialect),
  },
  {
    name: "updates",
    columns: {
      user_id: "id",
      pts: "integer",
      type: "word",
      conversation_id: "id",
      seq: "integer",
      body: "text?",
      created_at: "integer",
    },
    primaryKey: ["user_id", "pts"],
  },
  {
    name: "dialogs",
    columns: {
      user_id: "id",
      peer: "id",
      conversation_id: "id?",
      kind: "word?",
      top_seq: "integer",
      read_seq: "integer=0",
      unread: "integer",
      unread_mentions: "integer",
      pinned: "integer=0",
      muted_until: "integer=0",
      draft: "text?",
      archived: "integer=0",
      updated_at: "integer",
    },
    primaryKey: ["user_id", "peer"],
  },
  {
    name: "consumer_offsets",
    columns: { topic: "id", partition_no: "integer", next_offset: "integer?", batch_begin: "integer" },
    primaryKey: ["topic", "partition_no"],
  },
  { name: "job_tokens", columns: { job: "id", token: "integer", newest_due_at: "integer" }, primaryKey: ["job"] },
  {
    name: "job_runs",
    columns: {
      job: "id",
      due_at: "integer",
      token: "integer",
      owner: "key",
      claimed_at: "integer",
      finished_at: "integer?",
      outcome: "word?",
      done: "integer",
    },
    primaryKey: ["job", "due_at"],
  },
];

export const first: SchemaChange = async (db, dialect) => {
  for (const table of tablesOf(dialect)) await createTable(db, dialect, table);
};
