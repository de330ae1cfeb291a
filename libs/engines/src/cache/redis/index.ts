import { AppError, type Clock, withTimeout } from "@dunlin/runtime";
import type { EngineDeps } from "../../host/index.js";
import { Channels } from "../channels.js";
import type { Cache, Limit, Limiter, Subscription } from "../port.js";
import { Connection, unavailable } from "./connection.js";
import { Generation } from "./generation.js";
import { RedisLimiter } from "./limiter.js";
import { RedisRoutes } from "./routes.js";

/** How often Redis is asked whether it still is what it was, and both connections whether they live, ms. */
const CHECK_MS = 1_000;
const PING_TIMEOUT_MS = 900;

type RedisDeps = Pick<EngineDeps, "logger" | "clock" | "namespace">;

/**
 * The cache on Redis 7 or later. Opening does not wait for a Redis that is away, since sends go on without it: calls fail
 * fast until it is there.
 */
export class RedisCache implements Cache {
  readonly engine = "redis";
  readonly routes: RedisRoutes;
  readonly #calls: Connection;
  /** A connection that has subscribed may do nothing else. */
  readonly #news: Connection;
  readonly #channels: Channels;
  readonly #generation: Generation;
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  #checking = false;
  /** Counts the connections made; and which of them was checked last. */
  #connections = 0;
  #checked = 0;

  private constructor(url: string, { logger, clock, namespace }: RedisDeps) {
    this.#clock = clock;
    this.#channels = new Channels(logger);
    this.#calls = new Connection(url, namespace, "calls", logger, () => {
      this.#connections += 1;
      void this.#check();
    });
    this.#news = new Connection(url, namespace, "news", logger, () => this.#subscribeAgain());
    this.#news.redis.on("messageBuffer", (channel: Buffer, message: Buffer) => this.#channels.deliver(channel.toString(), message));
    this.#generation = new Generation(this.#calls, logger);
    this.routes = new RedisRoutes(this.#calls, clock);
    this.#timer = setInterval(() => {
      void this.#check();
      if (this.#news.ready) this.#news.run((redis) => redis.ping()).catch(() => undefined);
    }, CHECK_MS);
    this.#timer.unref();
  }

  /** @param url redis://[:password@]host:port[/db] */
  static async open(url: string, deps: RedisDeps): Promise<RedisCache> {
    const cache = new RedisCache(url, deps);
    await Promise.all([cache.#calls.connect(), cache.#news.connect()]);
    return cache;
  }

  async reserve(key: string, value: string, ttlMs: number): Promise<string | undefined> {
    return (await this.#calls.run((redis) => redis.set(this.#calls.key(`kv:${key}`), value, "PX", ttlMs, "NX", "GET"))) ?? undefined;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#calls.run((redis) => redis.get(this.#calls.key(`kv:${key}`)))) ?? undefined;
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.#calls.run((redis) => redis.set(this.#calls.key(`kv:${key}`), value, "PX", ttlMs));
  }

  async delete(key: string): Promise<void> {
    await this.#calls.run((redis) => redis.del(this.#calls.key(`kv:${key}`)));
  }

  limiter(limit: Limit): Limiter {
    return new RedisLimiter(limit, this.#calls, this.#clock);
  }

  async publish(channel: string, message: Uint8Array): Promise<void> {
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    await this.#calls.run((redis) => redis.publish(this.#calls.key(channel), bytes));
  }

  async subscribe(channel: string, listener: (message: Uint8Array) => void): Promise<Subscription> {
    const name = this.#calls.key(channel);
    const leave = this.#channels.join(name, listener);
    try {
      // Asked again for a channel that is already on: the answer says that it is.
      await this.#news.run((redis) => redis.subscribe(name));
    } catch (error) {
      leave();
      throw error;
    }
    return {
      close: async () => {
        leave();
        if (this.#channels.has(name) || !this.#news.ready) return;
        // What still comes has no listener; a lost connection forgets the channel anyway.
        await this.#news.run((redis) => redis.unsubscribe(name)).catch(() => undefined);
      },
    };
  }

  onEmptied(listener: () => void): Subscription {
    const leave = this.#generation.add(listener);
    return { close: async () => leave() };
  }

  async ping(): Promise<void> {
    await withTimeout(
      this.#calls.run((redis) => redis.ping()),
      PING_TIMEOUT_MS,
    ).catch((error: unknown) => {
      throw error instanceof AppError ? error : unavailable("redis is slow", error);
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#channels.clear();
    await Promise.all([this.#calls.close(), this.#news.close()]);
  }

  async #check(): Promise<void> {
    if (this.#checking || !this.#calls.ready) return;
    this.#checking = true;
    const connection = this.#connections;
    if (await this.#generation.check(connection !== this.#checked)) this.#checked = connection;
    this.#checking = false;
    // Lost and found again while the check was on its way: its answer may be the old server's.
    if (connection !== this.#connections) await this.#check();
  }

  #subscribeAgain(): void {
    const names = this.#channels.names();
    if (names.length === 0) return;
    this.#news.run((redis) => redis.subscribe(...names)).catch(() => this.#news.restart());
  }
}
