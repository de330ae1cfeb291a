import type { Cache } from "@dunlin/engines/cache";
import type { SlotLease } from "@dunlin/engines/registry";
import type { CloseName } from "@dunlin/proto";
import type { Logger } from "@dunlin/runtime";
import { type Connection, flag } from "./connection.js";
import type { Directory } from "./directory.js";
import type { RouteBook } from "./route-book.js";

/** Connections whose routes are compared in one call to the cache. */
const SLICE = 500;

export interface RouteUpkeepDeps {
  readonly cache: Cache;
  readonly lease: SlotLease;
  readonly logger: Logger;
  readonly directory: Directory;
  readonly book: RouteBook;
  readonly close: (connection: Connection, why: CloseName) => void;
}

/** Keeps the routes of all connections written, whatever becomes of the cache and of the lease. */
export class RouteUpkeep {
  #leaseWasValid = true;
  #renewing = false;

  constructor(private readonly deps: RouteUpkeepDeps) {}

  /** All routes are gone or in doubt: they are written again, and each mailbox is asked for what passed by. */
  again(): void {
    for (const connection of this.deps.directory) {
      connection.set(flag.UNROUTED);
      this.deps.book.register(connection);
    }
  }

  /** Without a valid lease nobody counted our routes: what came meanwhile went by. */
  watchLease(): void {
    const { valid } = this.deps.lease;
    if (valid && !this.#leaseWasValid) this.again();
    this.#leaseWasValid = valid;
  }

  /** Renews the routes before they expire. One whose device has a newer connection elsewhere is closed instead. */
  renew(): void {
    // A cache slower than the renewals would otherwise get ever more of them at once.
    if (this.#renewing) return;
    this.#renewing = true;
    this.#renew()
      .catch((error: unknown) => {
        this.deps.logger.warn({ err: error }, "routes could not be compared; registering them all again");
        this.again();
      })
      .finally(() => {
        this.#renewing = false;
      });
  }

  async #renew(): Promise<void> {
    const { cache, lease, directory, book, close } = this.deps;
    const all = [...directory];
    for (let at = 0; at < all.length; at += SLICE) {
      const slice = all.slice(at, at + SLICE).filter((connection) => connection.ws !== undefined);
      const routes = await cache.routes.lookup([...new Set(slice.map((connection) => connection.userId))]);
      for (const connection of slice) {
        const there = routes.get(connection.userId)?.find((route) => route.deviceId === connection.deviceId);
        if (there !== undefined && there.connectionId > connection.idAt(lease.slot)) close(connection, "REPLACED");
        else book.register(connection);
      }
    }
  }
}
