import type { SqlValue } from "../sql/session.js";

/** What a worker thread is started with. */
export interface WorkerSetup {
  readonly file: string;
  readonly mode: "writer" | "reader";
  /** Of the exit guard. */
  readonly flags: SharedArrayBuffer;
}

/** What the connection in the worker is asked to do. */
export type Operation =
  /** One statement; answers its rows as arrays. */
  | { readonly kind: "run"; readonly sql: string; readonly params: readonly SqlValue[] }
  /** One statement for many parameter lists; answers the rows of all. */
  | { readonly kind: "each"; readonly sql: string; readonly params: readonly (readonly SqlValue[])[] }
  | { readonly kind: "begin" }
  | { readonly kind: "commit" }
  | { readonly kind: "rollback" }
  | { readonly kind: "close" };

export interface Request {
  readonly id: number;
  readonly operation: Operation;
  /** Part of a transaction: refused when SQLite has ended that transaction by itself (disk full). */
  readonly inTransaction: boolean;
}

export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly affected: number;
}

export interface Failure {
  readonly message: string;
  /** SQLite's extended result code; 0 when it is no error of SQLite's. */
  readonly errcode: number;
}

export type Reply =
  | { readonly id: number; readonly answer: Answer }
  | { readonly id: number; readonly failure: Failure }
  /** The first reply of all, id 0: the database is open, or could not be opened. */
  | { readonly id: 0; readonly answer: Answer };
