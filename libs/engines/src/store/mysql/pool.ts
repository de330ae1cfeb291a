import { createPool, type Pool, type PoolConnection } from "mysql2";
import { unavailable } from "../sql/errors.js";
import type { SessionSource } from "../sql/session.js";
import { appErrorOf } from "./errors.js";
import { MysqlSession, queryOn } from "./session.js";
import { MAX_STATEMENT_CHARS } from "./statements.js";

const CONNECT_TIMEOUT_MS = 2000;
/** How long a caller waits for a free connection. */
const ACQUIRE_TIMEOUT_MS = 3000;
/** Callers that wait for a connection, for each there may be. */
const WAITING_PER_CONNECTION = 32;
const LOCK_WAIT_S = 5;

/** What the server told of itself when a connection was set up. */
interface Ready {
  readonly maxChars: number;
}

/** The connections of one process, set up so that every statement means the same on every server. */
export class ConnectionPool {
  readonly #pool: Pool;
  readonly #ready = new WeakMap<PoolConnection, Ready>();

  constructor(url: string, size: number) {
    this.#pool = createPool({
      uri: url,
      connectionLimit: size,
      queueLimit: size * WAITING_PER_CONNECTION,
      connectTimeout: CONNECT_TIMEOUT_MS,
      charset: "utf8mb4_bin",
      supportBigNumbers: true,
      bigNumberStrings: true,
      maxPreparedStatements: 16,
      // The reads of a transaction go in one query, its writes and the commit in another: twelve round trips become two.
      // Every value goes through `literal` or mysql2's escaping, as it would have to without this.
      multipleStatements: true,
    });
  }

  /** Sessions whose statements may take `timeoutMs` each. */
  sessions(timeoutMs: number): SessionSource {
    return {
      acquire: async () => {
        const connection = await this.#connection();
        try {
          const { maxChars } = this.#ready.get(connection) ?? (await this.#setUp(connection));
          return new MysqlSession(connection, { timeoutMs, maxChars });
        } catch (error) {
          connection.destroy();
          throw appErrorOf(error);
        }
      },
    };
  }

  /** Ends every connection; those that are lent out fail. */
  close(): Promise<void> {
    return new Promise((resolve, reject) => this.#pool.end((error) => (error ? reject(error) : resolve())));
  }

  #connection(): Promise<PoolConnection> {
    return new Promise((resolve, reject) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        reject(unavailable("no connection to the store became free in time"));
      }, ACQUIRE_TIMEOUT_MS);
      this.#pool.getConnection((error, connection) => {
        clearTimeout(timer);
        if (error) reject(appErrorOf(error));
        else if (late) connection.release();
        else resolve(connection);
      });
    });
  }

  async #setUp(connection: PoolConnection): Promise<Ready> {
    const query = (sql: string) => queryOn(connection, sql, undefined, CONNECT_TIMEOUT_MS);
    await query("set session transaction isolation level read committed");
    await query(
      `set session sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', innodb_lock_wait_timeout=${LOCK_WAIT_S}`,
    );
    const [packet] = await query("select @@max_allowed_packet as bytes");
    // A character is at most three bytes long for each unit of a JavaScript string; one row may stick out over the limit.
    const ready = { maxChars: Math.min(MAX_STATEMENT_CHARS, Math.floor(Number(packet?.rows[0]?.bytes) / 6)) };
    this.#ready.set(connection, ready);
    return ready;
  }
}
