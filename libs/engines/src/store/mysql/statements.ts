import type { Change, Insertion, Merge, Removal, Selection, SqlValue, WriteStep } from "../sql/session.js";

/**
 * How long a statement of many rows gets, characters; its bytes are at most three times that. Long enough that the round trip
 * does not matter, short enough that the next is written while the server works on this one.
 */
export const MAX_STATEMENT_CHARS = 100_000;
/** Keys of one lookup: below MariaDB's 1,000 where an IN list becomes a join, which would lock in another order. */
const MAX_KEYS = 800;
const MAX_ROWS = 5000;

const SPECIAL = /['\\]/;
const EVERY_SPECIAL = /['\\]/g;

/** A literal. Connections are utf8mb4 and their sql_mode is ours, so only the quote and the backslash are special. */
const literal = (value: SqlValue): string => {
  if (typeof value === "string") return SPECIAL.test(value) ? `'${value.replace(EVERY_SPECIAL, "\\$&")}'` : `'${value}'`;
  if (value === null) return "null";
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} cannot be stored`);
  return String(value);
};

const tuple = (values: readonly SqlValue[]): string => {
  let text = `(${literal(values[0] as SqlValue)}`;
  for (let i = 1; i < values.length; i++) text += `,${literal(values[i] as SqlValue)}`;
  return `${text})`;
};

const list = (keys: readonly (readonly SqlValue[])[]): string =>
  keys.map((key) => (key.length === 1 ? literal(key[0] as SqlValue) : tuple(key))).join(",");

const condition = (key: readonly string[], keys: readonly (readonly SqlValue[])[]): string => {
  if (key.length === 1) return `${key[0]} in (${list(keys)})`;
  return `(${key.join(",")}) in (${list(keys)})`;
};

const pieces = function* <T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.length <= size ? items : items.slice(i, i + size);
};

export const selectStatements = function* (
  { table, columns, key, lock }: Selection,
  keys: readonly (readonly SqlValue[])[],
): Generator<string> {
  for (const piece of pieces(keys, MAX_KEYS)) {
    const query = `select ${columns.join(",")} from ${table} where ${condition(key, piece)}`;
    yield lock ? `${query} order by ${key.join(",")} for update` : query;
  }
};

const removeStatements = function* ({ table, key }: Removal, keys: readonly (readonly SqlValue[])[]): Generator<string> {
  for (const piece of pieces(keys, MAX_KEYS)) yield `delete from ${table} where ${condition(key, piece)}`;
};

const changeStatements = function* ({ table, columns, key, atMost }: Change, rows: readonly (readonly SqlValue[])[]): Generator<string> {
  const assign = (names: readonly string[], values: readonly SqlValue[], between: string): string =>
    names.map((name, i) => `${name}=${literal(values[i] as SqlValue)}`).join(between);
  for (const row of rows) {
    const update = `update ${table} set ${assign(columns, row, ",")} where ${assign(key, row.slice(columns.length), " and ")}`;
    yield atMost === undefined ? update : `${update} and (${atMost} is null or ${atMost}<=${literal(row.at(-1) as SqlValue)})`;
  }
};

const merged: Readonly<Record<Merge, (column: string) => string>> = {
  set: (column) => `${column}=values(${column})`,
  max: (column) => `${column}=greatest(${column},values(${column}))`,
  add: (column) => `${column}=${column}+values(${column})`,
};

const onDuplicate = ({ key, existing }: Insertion): string => {
  if (existing === "fail") return "";
  const sets = existing === "ignore" ? [`${key[0]}=${key[0]}`] : Object.entries(existing).map(([column, merge]) => merged[merge](column));
  return ` on duplicate key update ${sets.join(",")}`;
};

/** Multi-row inserts, each short enough for the server. */
const insertStatements = function* (insertion: Insertion, rows: readonly (readonly SqlValue[])[], maxChars: number): Generator<string> {
  const head = `insert into ${insertion.table} (${insertion.columns.join(",")}) values `;
  const tail = onDuplicate(insertion);
  let text = "";
  let count = 0;
  for (const row of rows) {
    const values = tuple(row);
    if (count > 0 && (count >= MAX_ROWS || text.length + values.length > maxChars)) {
      yield head + text + tail;
      text = "";
      count = 0;
    }
    text += count === 0 ? values : `,${values}`;
    count++;
  }
  if (count > 0) yield head + text + tail;
};

/** Statements put together into queries of about `maxChars`, as they are asked for; `last` ends the last of them. */
export const packed = function* (statements: Iterable<string>, maxChars: number, last?: string): Generator<string[]> {
  let query: string[] = [];
  let chars = 0;
  for (const statement of statements) {
    if (query.length > 0 && chars + statement.length > maxChars) {
      yield query;
      query = [];
      chars = 0;
    }
    query.push(statement);
    chars += statement.length;
  }
  if (last !== undefined) query.push(last);
  if (query.length > 0) yield query;
};

/** The statements of a batch, made one by one as they are asked for. */
export const writeStatements = function* (steps: readonly WriteStep[], maxChars: number): Generator<string> {
  for (const step of steps) {
    if ("insert" in step) yield* insertStatements(step.insert, step.rows(), maxChars);
    else if ("change" in step) yield* changeStatements(step.change, step.rows());
    else yield* removeStatements(step.remove, step.keys());
  }
};
