import type { Route } from "@dunlin/engines/cache";
import type { Registry } from "@dunlin/engines/registry";

/** The gateways that are alive, by slot; kept up to date by the registry. */
export class LiveGateways {
  /** slot → the gateway's id in the registry */
  #bySlot: ReadonlyMap<number, string> = new Map();
  #watch: { close(): Promise<void> } | undefined;

  async start(registry: Registry): Promise<void> {
    this.#watch = await registry.watch("gateway", (members) => {
      const bySlot = new Map<number, string>();
      for (const member of members) if (member.slot !== undefined) bySlot.set(member.slot, member.id);
      this.#bySlot = bySlot;
    });
  }

  has(slot: number): boolean {
    return this.#bySlot.has(slot);
  }

  slots(): number[] {
    return [...this.#bySlot.keys()];
  }

  /** The slots at which a user is really connected: a route of a gateway that is gone does not count, even if another
   * gateway has its slot now (a connection id begins with its gateway's id). */
  slotsOf(routes: readonly Route[] | undefined): number[] {
    if (!routes) return [];
    const slots: number[] = [];
    for (const route of routes) {
      const gateway = this.#bySlot.get(route.slot);
      if (gateway !== undefined && route.connectionId.startsWith(`${gateway}.`) && !slots.includes(route.slot)) slots.push(route.slot);
    }
    return slots;
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }
}
