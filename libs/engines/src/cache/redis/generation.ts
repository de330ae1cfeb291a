import { randomUUID } from "node:crypto";
import type { Logger } from "@dunlin/runtime";
import type { Redis } from "ioredis";
import type { Connection } from "./connection.js";

/**
 * Notices that Redis was emptied or is another one: a key with a random value, set by whoever finds it missing, is gone
 * or different; or the server's run id is, as after a restart from an old snapshot or a fail-over that lost the newest
 * writes. The key has no time to live so that `volatile-*` eviction never takes it.
 */
export class Generation {
  #known: string | undefined;
  #runId: string | undefined;
  readonly #listeners = new Set<{ listener: () => void }>();

  constructor(
    private readonly connection: Connection,
    private readonly logger: Logger,
  ) {}

  add(listener: () => void): () => void {
    const member = { listener };
    this.#listeners.add(member);
    return () => void this.#listeners.delete(member);
  }

  /** Compares, after a reconnect also the server; false when Redis could not be asked. Never rejects. */
  async check(reconnected: boolean): Promise<boolean> {
    try {
      const mine = randomUUID();
      const [there, runId] = await Promise.all([
        this.connection.run((redis) => redis.set(this.connection.key("generation"), mine, "NX", "GET")),
        reconnected ? this.connection.run(runIdOf) : this.#runId,
      ]);
      const generation = there ?? mine;
      const other = this.#known !== undefined && (this.#known !== generation || (this.#runId !== undefined && this.#runId !== runId));
      this.#known = generation;
      this.#runId = runId;
      if (other) this.#emptied();
      return true;
    } catch (error) {
      this.logger.debug({ err: error }, "redis could not be checked");
      return false;
    }
  }

  #emptied(): void {
    this.logger.warn("redis was emptied or replaced: registering again");
    for (const { listener } of [...this.#listeners]) {
      try {
        listener();
      } catch (error) {
        this.logger.error({ err: error }, "a listener for an emptied cache failed");
      }
    }
  }
}

const runIdOf = async (redis: Redis): Promise<string | undefined> => /^run_id:(\S+)/m.exec(await redis.info("server"))?.[1];
