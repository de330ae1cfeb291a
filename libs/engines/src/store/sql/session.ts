/** A value bound to a statement. Message ids travel as bigint: a comparison with text would go through doubles in MySQL. */
export type SqlValue = string | number | bigint | null;

/** A row as the engine gives it: big integers may come as text, see `rows.ts`. */
export type Row = Readonly<Record<string, unknown>>;

export interface SqlResult {
  readonly rows: Row[];
  /** Rows that a write matched. */
  readonly affected: number;
}

/** A lookup by many keys at once. */
export interface Selection {
  readonly table: string;
  readonly columns: readonly string[];
  /** The columns that a key gives values for: a prefix of an index of the table. */
  readonly key: readonly string[];
  /** Locks what is found until the transaction ends. Keys must be sorted and lead a unique key. */
  readonly lock?: boolean;
  /** A lookup of small rows by a unique key, on every request's way: an engine whose threads cost more may do it in place. */
  readonly quick?: boolean;
}

/** What becomes of a column when the row is there already: replaced, the greater one kept, or added up. */
export type Merge = "set" | "max" | "add";

/** A write of many rows at once. */
export interface Insertion {
  readonly table: string;
  readonly columns: readonly string[];
  /** The unique key that decides whether a row is there already. */
  readonly key: readonly string[];
  /** A row that is there: an error, left alone, or merged column by column (columns not named stay as they are). */
  readonly existing: "fail" | "ignore" | Readonly<Record<string, Merge>>;
}

/** A removal of the rows with the given keys. */
export interface Removal {
  readonly table: string;
  readonly key: readonly string[];
}

/** A change of columns in rows that are there. */
export interface Change {
  readonly table: string;
  readonly columns: readonly string[];
  /** A unique key, or the beginning of one: then all rows that it leads to are changed alike. */
  readonly key: readonly string[];
  /** Changed only where this column is null or at most what stands last in the row. */
  readonly atMost?: string;
}

/** One step of a batch of writes. The rows are made when their turn comes: the engine is busy with the step before then. */
export type WriteStep =
  | { readonly insert: Insertion; readonly rows: () => readonly (readonly SqlValue[])[] }
  /** Each row: the values of the columns, then those of the key, then what `atMost` is compared with. */
  | { readonly change: Change; readonly rows: () => readonly (readonly SqlValue[])[] }
  | { readonly remove: Removal; readonly keys: () => readonly (readonly SqlValue[])[] };

/**
 * One connection of an engine. Statements run in the order of the calls. Errors are AppErrors as the store port promises,
 * with UniqueViolation and TransactionAborted told apart.
 */
export interface Session {
  run(sql: string, params: readonly SqlValue[]): Promise<SqlResult>;
  /** The transaction begins with the next statement, without a round trip of its own; what keeps it from beginning fails that statement. */
  begin(): void;
  /**
   * Carries out the last steps and commits, together: nothing is committed unless all steps succeeded.
   * Rejects, and has rolled back, when a statement of the transaction failed.
   */
  commit(steps?: readonly WriteStep[]): Promise<void>;
  /** Never rejects: a connection that cannot roll back is given up, which rolls back too. */
  rollback(): Promise<void>;
  /** Rows of all keys, in no particular order. No keys, no query. Selections asked for together travel together. */
  select(selection: Selection, keys: readonly (readonly SqlValue[])[]): Promise<Row[]>;
  /** Carries out the steps in order. Steps without rows cost nothing. */
  write(steps: readonly WriteStep[]): Promise<void>;
  release(): void;
}

/** Where sessions come from. @throws AppError UNAVAILABLE when too many wait, or none can be had in time. */
export interface SessionSource {
  acquire(): Promise<Session>;
}

/** Lends a session to `work`. */
export const withSession = async <T>(source: SessionSource, work: (session: Session) => Promise<T>): Promise<T> => {
  const session = await source.acquire();
  try {
    return await work(session);
  } finally {
    session.release();
  }
};
