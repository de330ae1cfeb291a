import { AppError, type Clock, type Logger, withTimeout } from "@dunlin/runtime";
import { noop } from "cockatiel";
import { Etcd3, EtcdLeaseInvalidError, type IOptions, type IRequestOp, type ITxnRequest, type ITxnResponse } from "etcd3";

/** No call takes longer, ms. */
export const CALL_TIMEOUT_MS = 1_800;

export interface LinkOptions {
  /** http://[user:password@]host:port, several joined by commas. */
  url: string;
  /** What all keys begin with. */
  namespace: string;
  ttlMs: number;
  logger: Logger;
  clock: Clock;
}

/**
 * The way to etcd: calls with a deadline, and a memory of when etcd was away. For a while after it is back it is
 * "unsettled": leases may have run out because nobody could renew them, or all data may be gone until everybody has
 * registered again, so a member that is missing then need not be dead.
 */
export class Link {
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly #etcd: Etcd3;
  readonly #hosts: number;
  #down = false;
  #settledAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  readonly #namespace: string;

  constructor({ url, namespace, ttlMs, logger, clock }: LinkOptions) {
    this.#namespace = namespace;
    this.ttlMs = ttlMs;
    this.logger = logger;
    this.clock = clock;
    const urls = url.split(",").map((part) => new URL(part.includes("://") ? part : `http://${part}`));
    const [first] = urls;
    this.#hosts = urls.length;
    const auth = first?.username
      ? { auth: { username: decodeURIComponent(first.username), password: decodeURIComponent(first.password) } }
      : {};
    this.#etcd = new Etcd3({
      ...auth,
      hosts: urls.map(({ protocol, host }) => `${protocol}//${host}`),
      // Each host gets its part of the time, so that one that hangs leaves some for the next.
      defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + CALL_TIMEOUT_MS / urls.length }),
      // The library's circuit breaker would keep us away for 5 s, which is half a lease.
      faultHandling: { host: () => noop, global: noop },
      grpcOptions: {
        "grpc.use_local_subchannel_pool": 1,
        "grpc.initial_reconnect_backoff_ms": 100,
        "grpc.min_reconnect_backoff_ms": 100,
        "grpc.max_reconnect_backoff_ms": 1_000,
        // etcd refuses pings that come more often than every 5 s.
        "grpc.keepalive_time_ms": 10_000,
        "grpc.keepalive_timeout_ms": 2_000,
      },
    } satisfies IOptions);
  }

  /** A key of this namespace. */
  key(path: string): string {
    return `${this.#namespace}/${path}`;
  }

  /** True while etcd is away and for a lease and a half after. */
  get unsettled(): boolean {
    return this.unsettledMs > 0;
  }

  /** How long until what etcd says can be believed, ms; while it is away the whole time. */
  get unsettledMs(): number {
    return this.#down ? this.ttlMs * 1.5 : this.#settledAt - this.clock.monotonic();
  }

  get closed(): boolean {
    return this.#closed;
  }

  get watchClient(): Etcd3["watchClient"] {
    return this.#etcd.watchClient;
  }

  /**
   * Makes a call, which must be repeatable: with several hosts it is tried on another when the first fails.
   * @throws AppError UNAVAILABLE when it fails or is not answered in `timeoutMs`.
   */
  async call<T>(work: (etcd: Etcd3) => Promise<T>, timeoutMs = CALL_TIMEOUT_MS): Promise<T> {
    if (this.#closed) throw new AppError("UNAVAILABLE", "the registry is closed");
    const deadline = this.clock.monotonic() + timeoutMs;
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await withTimeout(work(this.#etcd), Math.max(1, deadline - this.clock.monotonic()));
        this.up();
        return answer;
      } catch (cause) {
        if (attempt < this.#hosts && !(cause instanceof EtcdLeaseInvalidError) && this.clock.monotonic() < deadline && !this.#closed)
          continue;
        // A lease that is no more is an answer too; the next renewal finds out.
        if (!(cause instanceof EtcdLeaseInvalidError)) this.down(cause);
        throw new AppError("UNAVAILABLE", "etcd cannot be reached or refused", { cause, retryAfterS: 1 });
      }
    }
  }

  transact(request: ITxnRequest): Promise<ITxnResponse> {
    return this.call((etcd) => etcd.kv.txn(request));
  }

  /** Grants a lease of the TTL; answers its id. */
  async grant(): Promise<string> {
    return (await this.call((etcd) => etcd.leaseClient.leaseGrant({ TTL: Math.ceil(this.ttlMs / 1000) }))).ID;
  }

  async revoke(lease: string): Promise<void> {
    await this.call((etcd) => etcd.leaseClient.leaseRevoke({ ID: lease }));
  }

  /** Renews a lease; false when etcd knows it no more. */
  async keepAlive(lease: string): Promise<boolean> {
    const timeoutMs = Math.min(CALL_TIMEOUT_MS, this.ttlMs / 3);
    return await this.call(async (etcd) => {
      const stream = await etcd.leaseClient.leaseKeepAlive({ deadline: Date.now() + timeoutMs });
      try {
        return await new Promise<boolean>((resolve, reject) => {
          stream.on("data", ({ TTL }) => resolve(TTL !== "0"));
          stream.on("error", reject);
          stream.on("end", () => reject(new Error("the stream has ended")));
          stream.write({ ID: lease });
        });
      } finally {
        stream.end();
      }
    }, timeoutMs);
  }

  /** A stream that broke tells it too. */
  down(cause: unknown): void {
    if (this.#down || this.#closed) return;
    this.#down = true;
    this.logger.warn({ err: cause }, "etcd is away");
  }

  up(): void {
    if (!this.#down) return;
    this.#down = false;
    this.#settledAt = this.clock.monotonic() + this.ttlMs * 1.5;
    this.logger.info("etcd is back");
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#etcd.close();
  }
}

/** Parts of transactions. */
export const absent = (key: string) => ({ key: Buffer.from(key), target: "Create", result: "Equal", create_revision: 0 }) as const;
export const present = (key: string) => ({ key: Buffer.from(key), target: "Create", result: "Greater", create_revision: 0 }) as const;
export const holds = (key: string, value: string) =>
  ({ key: Buffer.from(key), target: "Value", result: "Equal", value: Buffer.from(value) }) as const;
/** That a key was not changed since it was read; "0" when it was not there. */
export const unchanged = (key: string, revision: string) =>
  ({ key: Buffer.from(key), target: "Mod", result: "Equal", mod_revision: revision }) as const;
export const put = (key: string, value: string, lease?: string): IRequestOp => ({
  request_put: { key: Buffer.from(key), value: Buffer.from(value), ...(lease === undefined ? {} : { lease }) },
});
export const read = (key: string): IRequestOp => ({ request_range: { key: Buffer.from(key) } });
export const readAll = (prefix: string): IRequestOp => ({ request_range: { key: Buffer.from(prefix), range_end: prefixEnd(prefix) } });
export const remove = (key: string): IRequestOp => ({ request_delete_range: { key: Buffer.from(key) } });

/** The end of the range of all keys with a prefix, which ends in "/". */
export const prefixEnd = (prefix: string): Buffer => {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return end;
};

/** What the n-th part of a transaction read. */
export const entries = (answer: ITxnResponse, n: number): { key: string; value: string; revision: string }[] =>
  (answer.responses[n]?.response_range?.kvs ?? []).map(({ key, value, mod_revision }) => ({
    key: key.toString(),
    value: value.toString(),
    revision: mod_revision,
  }));
