import { Batcher } from "@dunlin/domain";
import type { Logger } from "@dunlin/runtime";
import type { Connection } from "./connection.js";

const BATCH = 200;
const AT_ONCE = 4;
const WAITING_MAX = 200_000;

export interface FollowersDeps {
  /** The supergroups each user is a member of, in the order of the users. */
  readonly memberships: (userIds: readonly string[]) => Promise<readonly (readonly string[])[]>;
  readonly follow: (connection: Connection, supergroupIds: readonly string[]) => void;
  readonly logger: Logger;
}

/** Keeps each connection subscribed to the supergroups that its user is a member of. */
export class Followers {
  /** Connections whose memberships are being read, and whether they are to be read once more after that. */
  readonly #busy = new Map<Connection, boolean>();
  readonly #failed = new Set<Connection>();
  readonly #memberships: Batcher<string, readonly string[]>;

  constructor(private readonly deps: FollowersDeps) {
    this.#memberships = new Batcher({ load: deps.memberships, maxBatch: BATCH, maxRunning: AT_ONCE, maxWaiting: WAITING_MAX });
  }

  /** The connection begins, or its user's memberships have changed. */
  refresh(connection: Connection): void {
    if (connection.ws === undefined) return;
    if (this.#busy.has(connection)) {
      this.#busy.set(connection, true);
      return;
    }
    this.#busy.set(connection, false);
    void this.#read(connection);
  }

  /** Once a second: those that could not be read are tried again. */
  walk(): void {
    const failed = [...this.#failed];
    this.#failed.clear();
    for (const connection of failed) this.refresh(connection);
  }

  forget(connection: Connection): void {
    this.#failed.delete(connection);
  }

  async #read(connection: Connection): Promise<void> {
    try {
      const ids = await this.#memberships.get(connection.userId);
      // What was read before the membership changed once more may be what it was before that.
      if (connection.ws !== undefined && this.#busy.get(connection) !== true) this.deps.follow(connection, ids);
    } catch (error) {
      this.deps.logger.debug({ err: error, user: connection.userId }, "memberships could not be read; trying again");
      if (connection.ws !== undefined) this.#failed.add(connection);
    }
    const again = this.#busy.get(connection) === true;
    this.#busy.delete(connection);
    if (again) this.refresh(connection);
  }
}
