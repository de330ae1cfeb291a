import type { Change, Insertion, Merge, Row, Selection, Session, SqlResult, SqlValue, WriteStep } from "../sql/session.js";
import { TransactionState } from "../sql/transaction-state.js";
import type { WorkerConnection } from "./connection.js";
import type { Statements } from "./database.js";
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

const changeSql = ({ table, columns, key, atMost }: Change): string => {
  const update = `update ${table} set ${columns.map((column) => `${column} = ?`).join(", ")} where ${where(key)}`;
  return atMost === undefined ? update : `${update} and (${atMost} is null or ${atMost} <= ?)`;
};

/** Lookups that run in place, at most: some microseconds each. More go to the thread. */
const IN_PLACE = 256;

/** A turn on a SQLite connection. Lists run one prepared statement a row, in the worker: faster there than long statements. */
export class SqliteSession implements Session {
  readonly #transaction = new TransactionState();
  /** The beginning of the transaction, while it is on its way. */
  #beginning: Promise<unknown> | undefined;

  constructor(
    private readonly connection: WorkerConnection,
    private readonly onRelease: () => void,
    /** For quick lookups outside of transactions: a round trip to the thread costs tens of them. */
    private readonly inPlace?: Statements,
  ) {}

  async run(sql: string, params: readonly SqlValue[]): Promise<SqlResult> {
    const answer = await this.#perform({ kind: "run", sql, params });
    return { rows: rowsOf(answer), affected: answer.affected };
  }

  begin(): void {
    this.#transaction.begun();
    const beginning = this.connection.perform({ kind: "begin" }).finally(() => {
      this.#beginning = undefined;
    });
    this.#beginning = beginning;
    // Told by the statement that goes with it.
    beginning.catch(() => undefined);
  }

  async commit(steps: readonly WriteStep[] = []): Promise<void> {
    try {
      await Promise.all([this.write(steps), this.#perform({ kind: "commit" })]);
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

  async select({ table, columns, key, quick }: Selection, keys: readonly (readonly SqlValue[])[]): Promise<Row[]> {
    const sql = `select ${columns.join(", ")} from ${table} where ${where(key)}`;
    if (quick && this.inPlace && keys.length <= IN_PLACE) {
      try {
        return rowsOf(this.inPlace.run(sql, keys));
      } catch {
        // Busy, most likely: the thread can wait, and says what is wrong if it is something else.
      }
    }
    const answers = await this.#each(sql, keys);
    return answers.flatMap(rowsOf);
  }

  /** All steps are on their way at once: after one that fails the worker refuses the rest, and the whole is rolled back. */
  async write(steps: readonly WriteStep[]): Promise<void> {
    await Promise.all(
      steps.map((step) => {
        if ("insert" in step) return this.#each(insertSql(step.insert), step.rows());
        if ("change" in step) return this.#each(changeSql(step.change), step.rows());
        return this.#each(`delete from ${step.remove.table} where ${where(step.remove.key)}`, step.keys());
      }),
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
    return this.#transaction.guard(async () => {
      const answer = this.connection.perform(operation, this.#transaction.active);
      if (this.#beginning !== undefined) await Promise.all([this.#beginning, answer]);
      return answer;
    });
  }
}
