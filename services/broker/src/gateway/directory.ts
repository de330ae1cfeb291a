import type { Connection } from "./connection.js";

/** The connections of this gateway by user. Most users have one here, so a list is made only for the second. */
export class Directory {
  readonly #users = new Map<string, Connection | Connection[]>();
  #size = 0;

  /** How many connections there are. */
  get size(): number {
    return this.#size;
  }

  add(connection: Connection): void {
    const there = this.#users.get(connection.userId);
    if (there === undefined) this.#users.set(connection.userId, connection);
    else if (Array.isArray(there)) there.push(connection);
    else this.#users.set(connection.userId, [there, connection]);
    this.#size += 1;
  }

  remove(connection: Connection): void {
    const there = this.#users.get(connection.userId);
    if (there === connection) this.#users.delete(connection.userId);
    else if (Array.isArray(there)) {
      const at = there.indexOf(connection);
      if (at < 0) return;
      there.splice(at, 1);
      if (there.length === 1) this.#users.set(connection.userId, there[0] as Connection);
    } else return;
    this.#size -= 1;
  }

  /** One connection, several, or undefined: for the delivery loop, which must not allocate. */
  get(userId: string): Connection | readonly Connection[] | undefined {
    return this.#users.get(userId);
  }

  /** A copy, safe to close connections from. */
  of(userId: string): Connection[] {
    const there = this.#users.get(userId);
    return there === undefined ? [] : Array.isArray(there) ? [...there] : [there];
  }

  *[Symbol.iterator](): Generator<Connection> {
    for (const there of this.#users.values()) {
      if (Array.isArray(there)) yield* there;
      else yield there;
    }
  }
}
