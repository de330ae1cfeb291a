import type { Cache, Route } from "@dunlin/engines/cache";
import type { Registry } from "@dunlin/engines/registry";

/**
 * The gateways that are registered now, and which routes count: those of a connection that such a gateway holds. A route
 * that a dead gateway left behind does not, even when another gateway has its slot by now.
 */
export class LiveGateways {
  /** slot → when its gateway registered, ms since 1970 */
  #since: ReadonlyMap<number, number> = new Map();
  #watch: { close(): Promise<void> } | undefined;

  constructor(
    private readonly registry: Pick<Registry, "watch">,
    private readonly cache: Pick<Cache, "routes">,
    /** Told the slots whose gateway went or was replaced: the routes they held count no more. */
    private readonly onGone: (slots: ReadonlySet<number>) => void = () => undefined,
  ) {}

  async start(): Promise<void> {
    this.#watch = await this.registry.watch("gateway", (members) => {
      const since = new Map<number, number>();
      for (const member of members) if (member.slot !== undefined) since.set(member.slot, member.since ?? 0);
      const gone = new Set([...this.#since].filter(([slot, at]) => since.get(slot) !== at).map(([slot]) => slot));
      this.#since = since;
      if (gone.size > 0) this.onGone(gone);
    });
  }

  async stop(): Promise<void> {
    await this.#watch?.close();
    this.#watch = undefined;
  }

  has(slot: number): boolean {
    return this.#since.has(slot);
  }

  slots(): number[] {
    return [...this.#since.keys()];
  }

  /** The live routes of each user; users without one are missing from the map. @throws AppError when the cache is away */
  async routes(userIds: readonly string[]): Promise<Map<string, Route[]>> {
    const live = new Map<string, Route[]>();
    for (const [userId, routes] of await this.cache.routes.lookup(userIds)) {
      const held = routes.filter((route) => route.connectedAt >= (this.#since.get(route.slot) ?? Number.POSITIVE_INFINITY));
      if (held.length > 0) live.set(userId, held);
    }
    return live;
  }
}
