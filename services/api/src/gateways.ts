import type { Member, Registry } from "@dunlin/engines/registry";

/** The gateways that are up, from the registry; the last known ones while it is away. */
export class Gateways {
  #members: readonly Member[] = [];
  #watch: { close(): Promise<void> } | undefined;

  constructor(private readonly registry: Pick<Registry, "watch">) {}

  async start(): Promise<void> {
    this.#watch = await this.registry.watch("gateway", (members) => {
      this.#members = members;
    });
  }

  /** WebSocket URLs of gateways that take connections, the least loaded first. */
  urls(): string[] {
    return this.#members
      .filter((member) => !member.draining)
      .sort((a, b) => (a.load ?? 0) - (b.load ?? 0))
      .flatMap((member) => Object.entries(member.addresses))
      .filter(([purpose]) => purpose.startsWith("ws"))
      .map(([, url]) => url);
  }

  async close(): Promise<void> {
    await this.#watch?.close();
    this.#watch = undefined;
  }
}
