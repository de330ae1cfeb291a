import { type CloseOrder, subscribeControl } from "@dunlin/domain";
import type { Cache, Subscription } from "@dunlin/engines/cache";
import { type CloseName, closeCodes } from "@dunlin/proto";
import { backoffMs, type Clock, type Logger, sleep } from "@dunlin/runtime";
import type { Connection } from "./connection.js";
import { matches, type RecentOrders } from "./control.js";
import type { Directory } from "./directory.js";
import type { SessionCheck } from "./session-check.js";

export interface CloseOrdersDeps {
  readonly cache: Cache;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly slot: number;
  readonly directory: Directory;
  readonly recent: RecentOrders;
  readonly sessions: SessionCheck;
  readonly close: (connection: Connection, why: CloseName) => void;
}

/** An order of a newer service may name a code that is not known here: the session is over all the same. */
const known = (order: CloseOrder): CloseOrder => (Object.hasOwn(closeCodes, order.close) ? order : { ...order, close: "KICKED" });

/** Follows the orders of the other services to close connections. */
export class CloseOrders {
  readonly #stop = new AbortController();
  #following: Promise<void> | undefined;
  #subscription: Subscription | undefined;

  constructor(private readonly deps: CloseOrdersDeps) {}

  /** From now on, or as soon as the pub/sub engine answers. */
  start(): void {
    this.#following = this.#follow();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await this.#subscription?.close();
  }

  async #follow(): Promise<void> {
    const { cache, logger } = this.deps;
    for (let failures = 0; !this.#stop.signal.aborted && this.#subscription === undefined; failures++) {
      try {
        this.#subscription = await subscribeControl(cache, (order) => this.#obey(known(order)));
      } catch (error) {
        logger.warn({ err: error }, "close orders cannot be followed yet; trying again");
        await sleep(backoffMs(failures, 500, 5_000) + 100, this.#stop.signal);
      }
    }
  }

  #obey(order: CloseOrder): void {
    const { clock, directory, recent, sessions, slot, close } = this.deps;
    if (order.revoked) sessions.forget(order.sessionIds);
    // A device that connects again while its older connection is replaced is the newest: such orders are not for it.
    if (order.close !== "REPLACED") recent.add(order, clock.monotonic());
    for (const connection of directory.of(order.userId)) {
      if (matches(order, connection, slot)) close(connection, order.close);
    }
  }
}
