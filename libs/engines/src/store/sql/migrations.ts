import { AppError } from "@dunlin/runtime";
import { type Kysely, type Migration, Migrator, sql } from "kysely";
import type { SqlDialect } from "./dialect.js";

/** An index beside the primary key. */
interface Index {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique?: boolean;
}

interface Table {
  readonly name: string;
  /** Column → type by meaning; "?" behind it: may be null; "=0" behind it: 0 unless given. Null text reads as "". */
  readonly columns: Readonly<Record<string, `${keyof SqlDialect["types"]}${"" | "?" | "=0"}`>>;
  readonly primaryKey: readonly string[];
  /** Rows lie in the order they come in, not by primary key. */
  readonly appended?: boolean;
  readonly indexes?: readonly Index[];
}

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

const columnOf = (dialect: SqlDialect, column: string, meaning: Table["columns"][string]): string => {
  const type = dialect.types[meaning.replace(/\?|=0/, "") as keyof SqlDialect["types"]];
  return `${column} ${type}${meaning.endsWith("?") ? "" : " not null"}${meaning.endsWith("=0") ? " default 0" : ""}`;
};

/**
 * One statement a table where the dialect can, and only what is not there yet: a process that dies between two statements
 * (MySQL commits each) leaves a state from which the migration can be run again.
 */
const createTable = async (db: Kysely<unknown>, dialect: SqlDialect, table: Table): Promise<void> => {
  const columns = Object.entries(table.columns).map(([column, meaning]) => columnOf(dialect, column, meaning));
  const indexes = table.indexes ?? [];
  const parts = [...columns, `primary key (${table.primaryKey.join(", ")})`];
  if (dialect.indexesInTable) {
    for (const { name, columns: indexed, unique } of indexes) parts.push(`${unique ? "unique " : ""}key ${name} (${indexed.join(", ")})`);
  }
  const end = table.appended ? dialect.tableEnd.appended : dialect.tableEnd.clustered;
  await sql.raw(`create table if not exists ${table.name} (${parts.join(", ")}) ${end}`).execute(db);
  if (dialect.indexesInTable) return;
  for (const { name, columns: indexed, unique } of indexes) {
    await sql.raw(`create ${unique ? "unique " : ""}index if not exists ${name} on ${table.name} (${indexed.join(", ")})`).execute(db);
  }
};

/** Adds the columns that a table lacks: none when the process that added them died before it could say so. */
const addColumns = async (db: Kysely<unknown>, dialect: SqlDialect, table: string, columns: Table["columns"]): Promise<void> => {
  const there = (await db.introspection.getTables()).find(({ name }) => name === table)?.columns.map(({ name }) => name) ?? [];
  for (const [column, meaning] of Object.entries(columns)) {
    if (!there.includes(column)) await sql.raw(`alter table ${table} add column ${columnOf(dialect, column, meaning)}`).execute(db);
  }
};

/** Every version of the schema, oldest first. Names sort in order; one that has been released never changes. */
const migrations = (dialect: SqlDialect): Record<string, Migration> => ({
  "0001-first": {
    up: async (db) => {
      for (const table of tablesOf(dialect)) await createTable(db, dialect, table);
    },
  },
  "0002-refresh-grace": {
    up: (db) => addColumns(db, dialect, "sessions", { previous_hash: "word?", replaced_at: "integer?" }),
  },
});

const VERSIONS = "schema_versions";

/** Whether the schema has every version this code knows. One that a newer release has brought further serves as well. */
const isCurrent = async (db: Kysely<unknown>, dialect: SqlDialect): Promise<boolean> => {
  const known = await db.introspection.getTables();
  if (!known.some((table) => table.name === VERSIONS)) return false;
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(VERSIONS)} where name = ${newest(dialect)}`.execute(db);
  return rows.length > 0;
};

const newest = (dialect: SqlDialect): string => Object.keys(migrations(dialect)).sort().at(-1) as string;

/** Brings the schema to the newest version. The dialect's adapter keeps two processes from doing it at once. */
export const migrate = async (db: Kysely<unknown>, dialect: SqlDialect): Promise<void> => {
  if (await isCurrent(db, dialect)) return;
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations(dialect) },
    migrationTableName: VERSIONS,
    migrationLockTableName: `${VERSIONS}_lock`,
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
};

/** @throws AppError UNAVAILABLE when the schema lacks a version that this code needs. */
export const checkSchema = async (db: Kysely<unknown>, dialect: SqlDialect): Promise<void> => {
  if (!(await isCurrent(db, dialect))) throw new AppError("UNAVAILABLE", `the store's schema has not been migrated to ${newest(dialect)}`);
};
