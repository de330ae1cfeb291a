import { type GatewaySignal, subscribeSignals, WATCHED_MAX, watchKey } from "@dunlin/domain";
import type { Cache } from "@dunlin/engines/cache";
import type { Logger } from "@dunlin/runtime";
import type { ClientInput } from "./client-input.js";
import { type Connection, flag } from "./connection.js";
import type { Directory } from "./directory.js";
import { Follower } from "./follower.js";
import type { PresenceWatch } from "./presence-watch.js";
import type { Sender } from "./sender.js";

export interface SignalsDeps {
  readonly cache: Cache;
  readonly logger: Logger;
  readonly slot: number;
  readonly directory: Directory;
  readonly sender: Sender;
  readonly input: ClientInput;
  readonly watch: PresenceWatch;
}

/** Follows what apisvc wants this gateway's connections to be shown and to be, for the moment. */
export class Signals {
  #follower: Follower | undefined;
  /** Connections whose list could not be read from the cache. */
  readonly #unread = new Set<Connection>();

  constructor(private readonly deps: SignalsDeps) {}

  start(): void {
    const { cache, slot, logger } = this.deps;
    this.#follower = new Follower({
      subscribe: () => subscribeSignals(cache, slot, (signal) => this.#obey(signal)),
      what: "signals",
      logger,
    });
  }

  async close(): Promise<void> {
    await this.#follower?.close();
  }

  /** Takes up what the connection's session follows. */
  readList(connection: Connection): void {
    const { cache, watch } = this.deps;
    cache.get(watchKey(connection.sessionId)).then(
      (text) => {
        if (connection.ws !== undefined) watch.follow(connection, text === undefined ? [] : text.split(",").slice(0, WATCHED_MAX));
      },
      () => this.#unread.add(connection),
    );
  }

  /** Once a second: reads again what could not be read. */
  round(): void {
    const unread = [...this.#unread];
    this.#unread.clear();
    for (const connection of unread) if (connection.ws !== undefined) this.readList(connection);
  }

  #obey(signal: GatewaySignal): void {
    const { directory, sender, input } = this.deps;
    if (signal.kind === "show") {
      for (const userId of signal.to) {
        for (const connection of directory.of(userId)) if (connection.has(flag.LIVE)) sender.fleeting(connection, signal.frame);
      }
      return;
    }
    for (const connection of directory.of(signal.userId)) {
      if (connection.sessionId !== signal.sessionId) continue;
      if (signal.kind === "watch") this.readList(connection);
      else input.status(connection, signal.status);
    }
  }
}
