import type { Clock } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";
import { ROUTE_TTL_MS, type Route, type Routes } from "../port.js";

/** Users with a route kept at most; beyond it the one longest not looked up or renewed goes. */
const MAX_USERS = 200_000;

interface Entry {
  readonly route: Route;
  /** monotonic ms */
  readonly expires: number;
}

export class MemoryRoutes implements Routes {
  readonly #users = new LRUCache<string, Entry[]>({ max: MAX_USERS });

  constructor(
    private readonly clock: Pick<Clock, "monotonic">,
    private readonly open: () => void,
  ) {}

  async register(entries: readonly { userId: string; route: Route }[]): Promise<void> {
    this.open();
    const expires = this.clock.monotonic() + ROUTE_TTL_MS;
    for (const { userId, route } of entries) {
      const others = this.#of(userId).filter((entry) => entry.route.deviceId !== route.deviceId);
      const entry = { route, expires };
      // Most users have one route, and an array that has grown keeps room for sixteen more.
      this.#users.set(userId, others.length === 0 ? [entry] : [...others, entry]);
    }
  }

  async remove(entries: readonly { userId: string; deviceId: string; connectionId: string }[]): Promise<void> {
    this.open();
    for (const { userId, deviceId, connectionId } of entries) {
      const rest = this.#of(userId).filter(({ route }) => route.deviceId !== deviceId || route.connectionId !== connectionId);
      if (rest.length > 0) this.#users.set(userId, rest);
      else this.#users.delete(userId);
    }
  }

  async lookup(userIds: readonly string[]): Promise<Map<string, Route[]>> {
    this.open();
    const found = new Map<string, Route[]>();
    for (const userId of userIds) {
      const entries = this.#of(userId);
      if (entries.length > 0)
        found.set(
          userId,
          entries.map((entry) => entry.route),
        );
    }
    return found;
  }

  clear(): void {
    this.#users.clear();
  }

  /** A user's entries that have not expired. */
  #of(userId: string): Entry[] {
    const now = this.clock.monotonic();
    return this.#users.get(userId)?.filter((entry) => entry.expires > now) ?? [];
  }
}
