import type { SqlValue } from "./session.js";

const compare = (a: SqlValue, b: SqlValue): number => {
  if (a === b) return 0;
  return (a as string | number | bigint) < (b as string | number | bigint) ? -1 : 1;
};

/** Rows in the order of their first `columns` values: every writer touches a table's rows in this one order. */
export const sortRows = <R extends readonly SqlValue[]>(rows: R[], columns: number): R[] =>
  rows.sort((a, b) => {
    for (let i = 0; i < columns; i++) {
      const order = compare(a[i] as SqlValue, b[i] as SqlValue);
      if (order !== 0) return order;
    }
    return 0;
  });

/**
 * Each key once, in one order for all callers. Ids hold no NUL, so joined by it they stay apart and sort as the parts do
 * (numbers as text: still one order).
 */
export const distinctKeys = (keys: readonly (readonly [string | number, ...(string | number)[]])[]): (string | number)[][] => {
  const seen = new Map<string, (string | number)[]>();
  for (const key of keys) {
    const text = key.length === 1 ? String(key[0]) : key.join("\0");
    if (!seen.has(text)) seen.set(text, [...key]);
  }
  return [...seen.keys()].sort().map((text) => seen.get(text) as (string | number)[]);
};

/** Message ids as keys, each once. What is no decimal number names no message. */
export const messageIdKeys = (ids: readonly string[]): bigint[][] =>
  [...new Set(ids)].filter((id) => /^[0-9]{1,19}$/.test(id)).map((id) => [BigInt(id)]);
