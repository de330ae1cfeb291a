import { AppError, type Logger, withTimeout } from "@dunlin/runtime";
import { Redis, type RedisOptions } from "ioredis";

/** A call that has no answer after this time is given up, and the connection with it, ms. */
const CALL_TIMEOUT_MS = 1_500;
/** Calls waiting for an answer at most; more are refused at once. */
const MAX_WAITING = 20_000;
const RECONNECT_CAP_MS = 1_000;

const options: RedisOptions = {
  lazyConnect: true,
  // Callers are told at once that Redis is away, rather than waiting in a queue that has no bound.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableAutoPipelining: true,
  commandTimeout: CALL_TIMEOUT_MS,
  connectTimeout: 1_000,
  // A stopped server never answers the polite end of a connection.
  disconnectTimeout: 100,
  maxLoadingRetryTime: 1_000,
  retryStrategy: (attempt) => Math.min(RECONNECT_CAP_MS, 25 * 2 ** Math.min(attempt, 10)),
  // After a fail-over the old primary is a replica: connect again, to where the name points now.
  reconnectOnError: (error) => error.message.startsWith("READONLY"),
};

/** One connection that answers or fails fast, and connects again by itself for as long as it is open. */
export class Connection {
  readonly redis: Redis;
  #waiting = 0;
  #closed = false;
  #away = false;

  constructor(
    url: string,
    /** What all keys and channels begin with. */
    private readonly namespace: string,
    /** How it is called in logs. */
    private readonly name: string,
    private readonly logger: Logger,
    /** Called each time the connection is ready for calls. */
    onReady: () => void,
  ) {
    this.redis = new Redis(url, { ...options, connectionName: `dunlin-${name}` });
    this.redis.on("error", (error: Error) => this.#lost(error));
    this.redis.on("close", () => this.#lost());
    this.redis.on("ready", () => {
      if (this.#away) this.logger.info({ connection: this.name }, "redis is back");
      this.#away = false;
      onReady();
    });
  }

  /** A key or channel of this namespace. */
  key(name: string): string {
    return `${this.namespace}:${name}`;
  }

  get ready(): boolean {
    return this.redis.status === "ready";
  }

  /** Begins to connect; resolves when connected, or when the first try has failed or takes long. Later tries follow by themselves. */
  async connect(): Promise<void> {
    // A server that loads a large snapshot takes connections long before it is ready.
    await withTimeout(this.redis.connect(), CALL_TIMEOUT_MS).catch(() => undefined);
  }

  /**
   * Runs a call on Redis.
   * @throws AppError UNAVAILABLE with the cause when it fails, is not answered in time, or there is no connection.
   */
  run<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    if (!this.ready) return Promise.reject(unavailable(this.#closed ? "the cache is closed" : "redis is away"));
    if (this.#waiting >= MAX_WAITING) return Promise.reject(unavailable("redis is too slow: too many calls wait for it"));
    this.#waiting += 1;
    return new Promise<T>((resolve, reject) => {
      let done = false;
      const end = (): boolean => {
        if (done) return false;
        done = true;
        clearTimeout(timer);
        this.#waiting -= 1;
        return true;
      };
      // The library's own timer starts only when a command is written, which the pipeline before it may delay.
      const timer = setTimeout(() => {
        if (!end()) return;
        reject(unavailable(`redis has not answered for ${CALL_TIMEOUT_MS} ms`));
        this.restart();
      }, CALL_TIMEOUT_MS);
      call(this.redis).then(
        (value) => end() && resolve(value),
        (cause: unknown) => end() && reject(unavailable("redis refused or failed", cause)),
      );
    });
  }

  /** Drops the connection and every call that waits on it, and connects again. */
  restart(): void {
    if (!this.#closed && this.ready) this.redis.disconnect(true);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Between two tries there is nothing open whose end could be awaited.
    const open = ["connecting", "connect", "ready"].includes(this.redis.status);
    const ended = new Promise<void>((resolve) => this.redis.once("end", () => resolve()));
    this.redis.disconnect();
    if (open) await Promise.race([ended, new Promise<void>((resolve) => setTimeout(resolve, 500))]);
  }

  // One line for each time it goes away, not one for each try.
  #lost(error?: Error): void {
    if (this.#closed || this.#away) return;
    this.#away = true;
    this.logger.warn({ err: error, connection: this.name }, "redis is away");
  }
}

export const unavailable = (message: string, cause?: unknown): AppError =>
  new AppError("UNAVAILABLE", message, { retryAfterS: 1, ...(cause === undefined ? {} : { cause }) });
