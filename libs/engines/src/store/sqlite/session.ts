import type { Insertion, Merge, Row, Selection, Session, SqlResult, SqlValue, WriteStep } from "../sql/session.js";
import { TransactionState } from "../sql/transaction-state.js";
import type { WorkerConnection } from "./connection.js";
import type { Answer, Operation } from "./protocol.js";

/** Rows that one request carries: a bigger list goes in pieces, so that no message to the worker grows without bound. */
const PIECE = 5000;

const rowsOf = ({ columns, rows }: Answer): Row[] =>
  rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (let i = 0; i < columns.length; i++) row[columns[i] as string] = values[i];
    return row;
  });

const where = (key: readonly string[]): string => key.map((column) => `${column} = ?`).join(" and ");

const merged: Readonly<Record<Merge, (column: string, table: string) => string>> = {
  set: (column) => `${column} = excluded.${column}`,
  max: (column, table) => `${column} = max(${table}.${column}, excluded.${column})`,
  add: (column, table) => `${column} = ${table}.${column} + excluded.${column}`,
};

const insertSql = ({ table, columns, key, existing }: Insertion): string => {
  const insert = `insert into ${table} (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`;
  if (existing === "fail") return insert;
  const target = `on conflict (${key.join(", ")}) do`;
  if (existing === "ignore") return `${insert} ${target} nothing`;
  const sets = Object.entries(existing).map(([column, merge]) => merged[merge](column, table));
  return `${insert} ${target} update set ${sets.join(", ")}`;
};

/** A turn on a SQLite connection. Lists run one prepared statement a row, in the worker: faster there than long statements. */
export class SqliteSession implements Session {
  readonly #transaction = new TransactionState();

  constructor(
    private readonly connection: WorkerConnection,
    private readonly onRelease: () => void,
  ) {}

  async run(sql: string, params: readonly SqlValue[]): Promise<SqlResult> {
    const answer = await this.#perform({ kind: "run", sql, params });
    return { rows: rowsOf(answer), affected: answer.affected };
  }

  async begin(): Promise<void> {
    await this.#perform({ kind: "begin" });
    this.#transaction.begun();
  }

  async commit(): Promise<void> {
    try {
      await this.#perform({ kind: "commit" });
      this.#transaction.ended();
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async rollback(): Promise<void> {
    this.#transaction.ended();
    // It fails only when the worker is gone, and the transaction with it.
    await this.connection.perform({ kind: "rollback" }).catch(() => undefined);
  }

  async select({ table, columns, key }: Selection, keys: readonly (readonly SqlValue[])[]): Promise<Row[]> {
    const answers = await this.#each(`select ${columns.join(", ")} from ${table} where ${where(key)}`, keys);
    return answers.flatMap(rowsOf);
  }

  /** All steps are on their way at once: what fails leaves the transaction open, and it is rolled back as a whole. */
  async write(steps: readonly WriteStep[]): Promise<void> {
    await Promise.all(
      steps.map((step) =>
        "insert" in step
          ? this.#each(insertSql(step.insert), step.rows())
          : this.#each(`delete from ${step.remove.table} where ${where(step.remove.key)}`, step.keys()),
      ),
    );
  }

  release(): void {
    this.onRelease();
  }

  async #each(sql: string, params: readonly (readonly SqlValue[])[]): Promise<Answer[]> {
    const pending: Promise<Answer>[] = [];
    for (let i = 0; i < params.length; i += PIECE) {
      const piece = params.length <= PIECE ? params : params.slice(i, i + PIECE);
      pending.push(this.#perform({ kind: "each", sql, params: piece }));
    }
    return Promise.all(pending);
  }

  #perform(operation: Operation): Promise<Answer> {
    return this.#transaction.guard(() => this.connection.perform(operation, this.#transaction.active));
  }
}
