import { type Kysely, sql } from "kysely";
import type { SqlDialect } from "../dialect.js";

/** An index beside the primary key. */
interface Index {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique?: boolean;
}

export interface Table {
  readonly name: string;
  /** Column → type by meaning; "?" behind it: may be null; "=0" behind it: 0 unless given. Null text reads as "". */
  readonly columns: Readonly<Record<string, `${keyof SqlDialect["types"]}${"" | "?" | "=0"}`>>;
  readonly primaryKey: readonly string[];
  /** Rows lie in the order they come in, not by primary key. */
  readonly appended?: boolean;
  readonly indexes?: readonly Index[];
}

const columnOf = (dialect: SqlDialect, column: string, meaning: Table["columns"][string]): string => {
  const type = dialect.types[meaning.replace(/\?|=0/, "") as keyof SqlDialect["types"]];
  return `${column} ${type}${meaning.endsWith("?") ? "" : " not null"}${meaning.endsWith("=0") ? " default 0" : ""}`;
};

/**
 * One statement a table where the dialect can, and only what is not there yet: a process that dies between two statements
 * (MySQL commits each) leaves a state from which the migration can be run again.
 */
export const createTable = async (db: Kysely<unknown>, dialect: SqlDialect, table: Table): Promise<void> => {
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
export const addColumns = async (db: Kysely<unknown>, dialect: SqlDialect, table: string, columns: Table["columns"]): Promise<void> => {
  const there = (await db.introspection.getTables()).find(({ name }) => name === table)?.columns.map(({ name }) => name) ?? [];
  for (const [column, meaning] of Object.entries(columns)) {
    if (!there.includes(column)) await sql.raw(`alter table ${table} add column ${columnOf(dialect, column, meaning)}`).execute(db);
  }
};

/** Adds an index, unless a process that died before it could say so has done it. */
export const addIndex = async (
  db: Kysely<unknown>,
  dialect: SqlDialect,
  table: string,
  { name, columns, unique }: Index,
): Promise<void> => {
  const create = (condition: string): string =>
    `create ${unique ? "unique " : ""}index ${condition} ${name} on ${table} (${columns.join(", ")})`;
  if (!dialect.indexesInTable) {
    await sql.raw(create("if not exists")).execute(db);
    return;
  }
  const there = await sql`select 1 from information_schema.statistics
    where table_schema = database() and table_name = ${table} and index_name = ${name} limit 1`.execute(db);
  if (there.rows.length === 0) await sql.raw(create("")).execute(db);
};
