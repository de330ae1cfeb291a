import type { CloseName } from "@dunlin/proto";
import type { Clock } from "@dunlin/runtime";
import type { Connection } from "./connection.js";
import type { Directory } from "./directory.js";
import type { SessionCheck } from "./session-check.js";
import type { Stream } from "./stream.js";

/** Every connection's mailbox is compared once in this time: a delivery lost with nothing after it shows as no hole. */
const AUDIT_ROUND_S = 300;
const AUDIT_MAX_PER_S = 50;

export interface RoundsDeps {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly sessions: SessionCheck;
  readonly stream: Stream;
  readonly close: (connection: Connection, why: CloseName) => void;
}

/** What is looked at once a second: tokens that expire, sessions to forget, and some mailboxes. */
export class Rounds {
  #audit: Iterator<Connection> | undefined;

  constructor(private readonly deps: RoundsDeps) {}

  walk(): void {
    this.#expire();
    this.deps.sessions.prune();
    this.#auditSome();
  }

  #expire(): void {
    const { clock, directory, close } = this.deps;
    const now = clock.now() / 1000;
    const expired: Connection[] = [];
    for (const connection of directory) if (connection.expiresAtS <= now) expired.push(connection);
    for (const connection of expired) close(connection, "TOKEN_EXPIRED");
  }

  #auditSome(): void {
    const { directory, stream } = this.deps;
    let left = Math.min(AUDIT_MAX_PER_S, Math.ceil(directory.size / AUDIT_ROUND_S));
    while (left-- > 0) {
      this.#audit ??= directory[Symbol.iterator]();
      const { value, done } = this.#audit.next();
      if (done) this.#audit = undefined;
      else if (value.ws !== undefined && !value.behind) stream.doubt(value, "audit");
    }
  }
}
