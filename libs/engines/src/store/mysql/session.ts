import type { PoolConnection } from "mysql2";
import type { Row, Selection, Session, SqlResult, SqlValue, WriteStep } from "../sql/session.js";
import { TransactionState } from "../sql/transaction-state.js";
import { appErrorOf, spoilsConnection } from "./errors.js";
import { selectStatements, writeStatements } from "./statements.js";

export interface StatementLimits {
  /** ms a statement may take; then the connection is given up, since its answer may still come. */
  readonly timeoutMs: number;
  /** Characters of one multi-row statement. */
  readonly maxChars: number;
}

/** Runs one statement by the text protocol. @throws mysql2's own error */
export const queryOn = (
  connection: PoolConnection,
  sql: string,
  params: readonly SqlValue[] | undefined,
  timeout: number,
): Promise<SqlResult> =>
  new Promise((resolve, reject) => {
    // With values mysql2 looks for placeholders in the statement, which takes as long as writing it: null says there are none.
    const values = params && params.length > 0 ? [...params] : null;
    connection.query({ sql, timeout, values }, (error, result) => {
      if (error) reject(error);
      else if (Array.isArray(result)) resolve({ rows: result as unknown as Row[], affected: 0 });
      else resolve({ rows: [], affected: result.affectedRows });
    });
  });

/** A connection of the pool, for as long as it is lent. */
export class MysqlSession implements Session {
  readonly #transaction = new TransactionState();
  #spoilt = false;

  constructor(
    private readonly connection: PoolConnection,
    private readonly limits: StatementLimits,
  ) {}

  run(sql: string, params: readonly SqlValue[]): Promise<SqlResult> {
    return this.#query(sql, params);
  }

  async begin(): Promise<void> {
    await this.#query("start transaction");
    this.#transaction.begun();
  }

  async commit(): Promise<void> {
    try {
      await this.#query("commit");
      this.#transaction.ended();
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async rollback(): Promise<void> {
    this.#transaction.ended();
    if (this.#spoilt) return;
    await this.#query("rollback").catch(() => {
      this.#spoilt = true;
    });
  }

  async select(selection: Selection, keys: readonly (readonly SqlValue[])[]): Promise<Row[]> {
    const results = await this.#all(selectStatements(selection, keys));
    return results.length === 1 && results[0] ? results[0].rows : results.flatMap(({ rows }) => rows);
  }

  async write(steps: readonly WriteStep[]): Promise<void> {
    await this.#all(writeStatements(steps, this.limits.maxChars));
  }

  release(): void {
    // A transaction nobody ended must not be handed on.
    if (this.#spoilt || this.#transaction.active) this.connection.destroy();
    else this.connection.release();
  }

  /**
   * One statement after the other; the text of the next is made while the server works on the last. They are not sent ahead:
   * after a deadlock the server has left the transaction and would commit what follows.
   */
  async #all(statements: Iterable<string>): Promise<SqlResult[]> {
    const results: SqlResult[] = [];
    const next = statements[Symbol.iterator]();
    for (let statement = next.next(); !statement.done; ) {
      const running = this.#query(statement.value);
      try {
        statement = next.next();
      } catch (error) {
        await running.catch(() => undefined);
        throw error;
      }
      results.push(await running);
    }
    return results;
  }

  #query(sql: string, params?: readonly SqlValue[]): Promise<SqlResult> {
    return this.#transaction.guard(async () => {
      try {
        return await queryOn(this.connection, sql, params, this.limits.timeoutMs);
      } catch (error) {
        if (spoilsConnection(error)) this.#spoilt = true;
        throw appErrorOf(error);
      }
    });
  }
}
