import type { PoolConnection } from "mysql2";
import type { Row, Selection, Session, SqlResult, SqlValue, WriteStep } from "../sql/session.js";
import { TransactionState } from "../sql/transaction-state.js";
import { appErrorOf, spoilsConnection } from "./errors.js";
import { packed, selectStatements, writeStatements } from "./statements.js";

export interface StatementLimits {
  /** ms a query may take; then the connection is given up, since its answer may still come. */
  readonly timeoutMs: number;
  /** Characters of one query, which may hold several statements. */
  readonly maxChars: number;
}

const BEGIN = "start transaction";
const COMMIT = "commit";

/** Runs a query by the text protocol. @returns a result for each statement in it. @throws mysql2's own error */
export const queryOn = (
  connection: PoolConnection,
  sql: string,
  params: readonly SqlValue[] | undefined,
  timeout: number,
): Promise<SqlResult[]> =>
  new Promise((resolve, reject) => {
    // With values mysql2 looks for placeholders in the statement, which takes as long as writing it: null says there are none.
    const values = params && params.length > 0 ? [...params] : null;
    connection.query({ sql, timeout, values }, (error, result, fields) => {
      if (error) reject(error);
      // Of several statements mysql2 gives a list of fields for each, of one its fields or none at all.
      else if (Array.isArray(result) && isOfMany(fields)) resolve((result as unknown[]).map(resultOf));
      else resolve([resultOf(result)]);
    });
  });

const isOfMany = (fields: unknown): boolean =>
  Array.isArray(fields) && fields.length > 1 && fields.every((one) => one === undefined || Array.isArray(one));

const resultOf = (result: unknown): SqlResult =>
  Array.isArray(result)
    ? { rows: result as Row[], affected: 0 }
    : { rows: [], affected: (result as { affectedRows: number }).affectedRows };

/** A statement that waits for the end of this turn of the event loop: what is asked for together travels together. */
interface Waiting {
  readonly sql: string;
  readonly resolve: (result: SqlResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A connection of the pool, for as long as it is lent. */
export class MysqlSession implements Session {
  readonly #transaction = new TransactionState();
  #waiting: Waiting[] = [];
  /** "start transaction" has not been sent yet: it goes with the next query. */
  #opening = false;
  #spoilt = false;

  constructor(
    private readonly connection: PoolConnection,
    private readonly limits: StatementLimits,
  ) {}

  async run(sql: string, params: readonly SqlValue[]): Promise<SqlResult> {
    // Parameters are filled in by mysql2: such a statement goes alone.
    if (this.#opening) await this.#query([BEGIN]);
    return (await this.#query([sql], params))[0] as SqlResult;
  }

  begin(): void {
    this.#opening = true;
    this.#transaction.begun();
  }

  /**
   * The text of the next query is made while the server works on the last. They are not sent ahead: after a deadlock the
   * server has left the transaction and would commit what follows. Within one query it stops at the statement that fails.
   */
  async commit(steps: readonly WriteStep[] = []): Promise<void> {
    try {
      await this.#queries(packed(writeStatements(steps, this.limits.maxChars), this.limits.maxChars, COMMIT));
      this.#transaction.ended();
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async rollback(): Promise<void> {
    this.#transaction.ended();
    if (this.#opening) {
      this.#opening = false;
      return;
    }
    if (this.#spoilt) return;
    await this.#query(["rollback"]).catch(() => {
      this.#spoilt = true;
    });
  }

  async select(selection: Selection, keys: readonly (readonly SqlValue[])[]): Promise<Row[]> {
    const results = await Promise.all([...selectStatements(selection, keys)].map((sql) => this.#soon(sql)));
    return results.length === 1 && results[0] ? results[0].rows : results.flatMap(({ rows }) => rows);
  }

  async write(steps: readonly WriteStep[]): Promise<void> {
    await this.#queries(packed(writeStatements(steps, this.limits.maxChars), this.limits.maxChars));
  }

  release(): void {
    // A transaction nobody ended must not be handed on.
    if (this.#spoilt || (this.#transaction.active && !this.#opening)) this.connection.destroy();
    else this.connection.release();
  }

  #soon(sql: string): Promise<SqlResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sql, resolve, reject });
      if (this.#waiting.length === 1) queueMicrotask(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < waiting.length; ) {
      let chars = 0;
      const begin = at;
      while (at < waiting.length && (at === begin || chars + (waiting[at] as Waiting).sql.length <= this.limits.maxChars)) {
        chars += (waiting[at++] as Waiting).sql.length;
      }
      const part = waiting.slice(begin, at);
      try {
        const results = await this.#query(part.map(({ sql }) => sql));
        for (const [i, { resolve }] of part.entries()) resolve(results[i] as SqlResult);
      } catch (error) {
        for (const { reject } of waiting.slice(begin)) reject(error);
        return;
      }
    }
  }

  async #queries(texts: Iterable<string[]>): Promise<void> {
    const next = texts[Symbol.iterator]();
    for (let text = next.next(); !text.done; ) {
      const running = this.#query(text.value);
      try {
        text = next.next();
      } catch (error) {
        await running.catch(() => undefined);
        throw error;
      }
      await running;
    }
  }

  /** @returns a result for each of the statements */
  #query(statements: readonly string[], params?: readonly SqlValue[]): Promise<SqlResult[]> {
    return this.#transaction.guard(async () => {
      const opening = this.#opening && statements[0] !== BEGIN;
      this.#opening = false;
      try {
        const sql = (opening ? [BEGIN, ...statements] : statements).join(";");
        const results = await queryOn(this.connection, sql, params, this.limits.timeoutMs);
        return opening ? results.slice(1) : results;
      } catch (error) {
        if (spoilsConnection(error)) this.#spoilt = true;
        throw appErrorOf(error);
      }
    });
  }
}
