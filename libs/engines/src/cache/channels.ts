import type { Logger } from "@dunlin/runtime";

type Listener = (message: Uint8Array) => void;

/** Pub/sub inside one process: who is subscribed when a message is published gets it, after the publisher's turn, in order. */
export class Channels {
  readonly #members = new Map<string, Set<{ listener: Listener }>>();

  constructor(private readonly logger: Logger) {}

  /** Answers how to leave; leaving twice is harmless. The same listener may join twice and hears everything twice. */
  join(channel: string, listener: Listener): () => void {
    const member = { listener };
    let members = this.#members.get(channel);
    if (!members) {
      members = new Set();
      this.#members.set(channel, members);
    }
    members.add(member);
    return () => {
      const there = this.#members.get(channel);
      if (there?.delete(member) && there.size === 0) this.#members.delete(channel);
    };
  }

  /** Channels somebody has joined. */
  names(): string[] {
    return [...this.#members.keys()];
  }

  has(channel: string): boolean {
    return this.#members.has(channel);
  }

  /** Hands over in a microtask: these run before any input is read, so what waits stays bounded. */
  publish(channel: string, message: Uint8Array): void {
    const members = this.#members.get(channel);
    if (!members) return;
    const present = [...members];
    queueMicrotask(() => {
      for (const member of present) if (members.has(member)) this.#call(member.listener, channel, message);
    });
  }

  /** Hands over at once. */
  deliver(channel: string, message: Uint8Array): void {
    for (const { listener } of [...(this.#members.get(channel) ?? [])]) this.#call(listener, channel, message);
  }

  clear(): void {
    for (const members of this.#members.values()) members.clear();
    this.#members.clear();
  }

  // One listener's mistake must not keep the message from the others.
  #call(listener: Listener, channel: string, message: Uint8Array): void {
    try {
      listener(message);
    } catch (error) {
      this.logger.error({ err: error, channel }, "a subscriber failed");
    }
  }
}
