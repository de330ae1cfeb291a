import { type Clock, withTimeout } from "@dunlin/runtime";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { MemoryLimiter } from "../memory/limiter.js";
import type { Limit, Limiter, Tally } from "../port.js";
import type { Connection } from "./connection.js";
import { Script } from "./script.js";

/** Somebody waits for the answer: a Redis slower than this counts as away, ms. */
const ANSWER_MS = 250;
/** … and is not asked again for this long, ms. */
const AWAY_MS = 1_000;

interface ScriptInput {
  readonly keys: string[];
  readonly arguments: string[];
}

/**
 * What the library asks of a client of its "redis" kind. Not ioredis itself: the command it would define there fails
 * now and then when ioredis puts calls into one pipeline by itself (its check for the script's presence goes astray).
 */
const clientOf = ({ redis }: Connection) => {
  const scripts = new Map<string, Script>();
  return {
    eval: (text: string, { keys, arguments: args }: ScriptInput): Promise<unknown> => {
      const script = scripts.get(text) ?? new Script(text);
      scripts.set(text, script);
      return script.run(redis, keys, args);
    },
    multi: () => {
      const commands: Promise<unknown>[] = [];
      const multi = {
        set: (key: string, value: number, { EX }: { EX: number }) => {
          commands.push(redis.set(key, value, "EX", EX));
          return multi;
        },
        pTTL: (key: string) => {
          commands.push(redis.pttl(key));
          return multi;
        },
        exec: () => Promise.all(commands),
      };
      return multi;
    },
  };
};

/** Counts in Redis, for all processes together; in this process's memory while Redis is away. */
export class RedisLimiter implements Limiter {
  readonly #shared: RateLimiterRedis;
  readonly #alone: MemoryLimiter;
  #awayUntil = 0;

  constructor(
    limit: Limit,
    private readonly connection: Connection,
    private readonly clock: Pick<Clock, "monotonic">,
  ) {
    const { name, points, windowS } = limit;
    this.#shared = new RateLimiterRedis({
      storeClient: clientOf(connection),
      useRedisPackage: true,
      keyPrefix: connection.key(`limit:${name}`),
      points,
      duration: windowS,
    });
    this.#alone = new MemoryLimiter(limit);
  }

  add(key: string, points: number): Promise<Tally> {
    return this.#ask(
      async () => {
        const { consumedPoints, msBeforeNext } = await this.#shared.penalty(key, points);
        return { used: consumedPoints, resetMs: msBeforeNext };
      },
      () => this.#alone.add(key, points),
    );
  }

  block(key: string, seconds: number): Promise<void> {
    return this.#ask(
      async () => void (await this.#shared.block(key, seconds)),
      () => this.#alone.block(key, seconds),
    );
  }

  async #ask<T>(shared: () => Promise<T>, alone: () => Promise<T>): Promise<T> {
    if (!this.connection.ready || this.clock.monotonic() < this.#awayUntil) return alone();
    try {
      return await withTimeout(this.connection.run(shared), ANSWER_MS);
    } catch {
      // Away, slow, full, or the key holds something else: whatever it is, requests go on.
      this.#awayUntil = this.clock.monotonic() + AWAY_MS;
      return alone();
    }
  }
}
