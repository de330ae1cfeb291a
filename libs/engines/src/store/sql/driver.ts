import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  Kysely,
  type QueryCompiler,
  type QueryResult,
} from "kysely";
import type { Tables } from "./schema.js";
import type { Session, SessionSource, SqlValue } from "./session.js";

/** What kysely must know of a dialect besides the driver. */
export interface KyselyParts {
  readonly adapter: () => DialectAdapter;
  readonly compiler: () => QueryCompiler;
  // biome-ignore lint/suspicious/noExplicitAny: kysely's own signature.
  readonly introspector: (db: Kysely<any>) => DatabaseIntrospector;
}

class SessionConnection implements DatabaseConnection {
  constructor(readonly session: Session) {}

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, affected } = await this.session.run(query.sql, query.parameters as SqlValue[]);
    return { rows: rows as R[], numAffectedRows: BigInt(affected) };
  }

  // biome-ignore lint/correctness/useYield: nothing streams here; every list of the port has a limit.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("the store does not stream");
  }
}

class SessionDriver implements Driver {
  constructor(private readonly source: SessionSource) {}

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new SessionConnection(await this.source.acquire());
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    sessionOf(connection).begin();
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return sessionOf(connection).commit();
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return sessionOf(connection).rollback();
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    sessionOf(connection).release();
  }

  /** The engine closes what it opened. */
  async destroy(): Promise<void> {}
}

const sessionOf = (connection: DatabaseConnection): Session => (connection as SessionConnection).session;

/** A kysely on the sessions of an engine. */
export const createKysely = (source: SessionSource, parts: KyselyParts): Kysely<Tables> => {
  const dialect: Dialect = {
    createDriver: () => new SessionDriver(source),
    createAdapter: parts.adapter,
    createQueryCompiler: parts.compiler,
    createIntrospector: parts.introspector,
  };
  return new Kysely<Tables>({ dialect });
};
