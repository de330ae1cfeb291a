import type { Cache, Route } from "@dunlin/engines/cache";
import type { Registry } from "@dunlin/engines/registry";

/** Routes that count: those whose slot is held by a gateway that is registered now. Others are left over from a crash. */
export class LiveGateways {
  #slots: ReadonlySet<number> = new Set();
  #watch: { close(): Promise<void> } | undefined;

  constructor(
    private readonly registry: Pick<Registry, "watch">,
    private readonly cache: Pick<Cache, "routes">,
  ) {}

  async start(): Promise<void> {
    this.#watch = await this.registry.watch("gateway", (members) => {
      this.#slots = new Set(members.flatMap((member) => (member.slot === undefined ? [] : [member.slot])));
    });
  }

  async stop(): Promise<void> {
    await this.#watch?.close();
    this.#watch = undefined;
  }

  /** The live routes of each user; users without one are missing from the map. */
  async routes(userIds: readonly string[]): Promise<Map<string, Route[]>> {
    const live = new Map<string, Route[]>();
    for (const [userId, routes] of await this.cache.routes.lookup(userIds)) {
      const held = routes.filter((route) => this.#slots.has(route.slot));
      if (held.length > 0) live.set(userId, held);
    }
    return live;
  }
}
