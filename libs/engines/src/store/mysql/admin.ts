import { type Connection, createConnection } from "mysql2";

/** A bare connection for tests: what another client of the server does. */
export class Admin {
  readonly #connection: Connection;

  constructor(readonly url: string) {
    this.#connection = createConnection(url);
    // What fails shows in the statement that fails.
    this.#connection.on("error", () => undefined);
  }

  run(sql: string): Promise<Record<string, unknown>[]> {
    return new Promise((resolve, reject) => {
      this.#connection.query(sql, (error, result) => (error ? reject(error) : resolve(result as Record<string, unknown>[])));
    });
  }

  close(): void {
    this.#connection.destroy();
  }
}
