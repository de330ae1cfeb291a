import { AppError } from "@dunlin/runtime";
import { UniqueViolation, unavailable } from "../sql/errors.js";
import type { Failure } from "./protocol.js";

// https://www.sqlite.org/rescode.html
const CONSTRAINT_PRIMARYKEY = 1555;
const CONSTRAINT_UNIQUE = 2067;
/** BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN: the machine's trouble, not the statement's. */
const TROUBLE = new Set([5, 6, 7, 8, 10, 13, 14]);

export const appErrorOf = ({ message, errcode }: Failure): AppError => {
  const cause = new Error(`SQLite: ${message}`);
  if (errcode === CONSTRAINT_PRIMARYKEY || errcode === CONSTRAINT_UNIQUE) return new UniqueViolation(message, cause);
  // The low byte is the primary code.
  if (TROUBLE.has(errcode & 0xff)) return unavailable("the store's file cannot be used at the moment", cause);
  return new AppError("INTERNAL", undefined, { cause });
};

/** What travels of an error of SQLite's. */
export const failureOf = (error: unknown): Failure => ({
  message: error instanceof Error ? error.message : String(error),
  errcode: Number((error as { errcode?: number }).errcode ?? 0),
});
