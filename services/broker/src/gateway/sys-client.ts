import type { Tokens } from "@dunlin/domain";
import type { Member, Registry } from "@dunlin/engines/registry";
import { errors, type GrpcStatusName, sys } from "@dunlin/proto";
import { AppError, type Clock, type Logger } from "@dunlin/runtime";
import { type CallOptions, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { Breaker } from "./breaker.js";

/** A call takes at most this long, all its tries together, ms. */
const DEADLINE_MS = 2_000;
/** What the first instance gets of it while there are others to ask, ms. */
const FIRST_TRY_MS = 1_000;
/** Service credentials live five minutes. */
const CREDENTIAL_RENEW_MS = 3 * 60_000;

/** Statuses that say something about the instance and nothing about the call. */
const INSTANCE_AT_FAULT = new Set<number>([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.RESOURCE_EXHAUSTED, status.UNKNOWN]);

type Call<Q, R> = (
  request: Q,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: R) => void,
) => unknown;

/** One syssvc process: its channel and whether it is worth asking. */
class Instance {
  readonly tokens: sys.TokenServiceClient;
  readonly messages: sys.MessageServiceClient;
  readonly breaker = new Breaker();

  constructor(address: string) {
    // Without keepalive a peer that is stopped, not dead, would only be noticed by deadlines.
    const options = { "grpc.keepalive_time_ms": 20_000, "grpc.keepalive_timeout_ms": 5_000, "grpc.max_reconnect_backoff_ms": 5_000 };
    const insecure = credentials.createInsecure();
    this.tokens = new sys.TokenServiceClient(address, insecure, options);
    this.messages = new sys.MessageServiceClient(address, insecure, options);
  }

  close(): void {
    this.tokens.close();
    this.messages.close();
  }
}

export interface SysClientDeps {
  readonly registry: Registry;
  readonly tokens: Pick<Tokens, "issueService">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the gateway asks syssvc: both calls only read, so they may be tried again at another instance. */
export class SysClient {
  readonly #instances = new Map<string, Instance>();
  #order: Instance[] = [];
  #next = 0;
  #credential: { metadata: Metadata; until: number } | undefined;
  #watch: { close(): Promise<void> } | undefined;

  constructor(private readonly deps: SysClientDeps) {}

  /** Follows the registry's syssvc members from now on. */
  async start(): Promise<void> {
    this.#watch = await this.deps.registry.watch("sys", (members) => this.#setMembers(members));
  }

  async close(): Promise<void> {
    await this.#watch?.close();
    for (const instance of this.#instances.values()) instance.close();
    this.#instances.clear();
    this.#order = [];
  }

  /** Whether any syssvc is known; says nothing about its health. */
  get known(): boolean {
    return this.#order.length > 0;
  }

  /** @throws AppError UNAVAILABLE or TIMEOUT when no instance answers. */
  async sessionActive(userId: string, sessionId: string): Promise<boolean> {
    const answer = await this.#ask<sys.CheckSessionRequest, sys.CheckSessionResponse>(
      (instance) => instance.tokens.checkSession.bind(instance.tokens),
      { userId, sessionId },
    );
    return answer.active;
  }

  /** A user's updates after `pts`, at most `limit` (0: only the newest pts). @throws AppError */
  difference(userId: string, pts: number, limit: number): Promise<sys.GetDifferenceResponse> {
    return this.#ask<sys.GetDifferenceRequest, sys.GetDifferenceResponse>(
      (instance) => instance.messages.getDifference.bind(instance.messages),
      { userId, pts, limit },
    );
  }

  #setMembers(members: readonly Member[]): void {
    const wanted = new Map<string, boolean>();
    for (const member of members) {
      const address = member.addresses.grpc;
      if (address !== undefined) wanted.set(address, member.draining === true);
    }
    for (const [address, instance] of this.#instances) {
      if (wanted.has(address)) continue;
      this.#instances.delete(address);
      instance.close();
    }
    for (const address of wanted.keys()) {
      if (!this.#instances.has(address)) this.#instances.set(address, new Instance(address));
    }
    // One that drains still answers; it is asked only when there is no other.
    const staying = [...wanted].filter(([, draining]) => !draining).map(([address]) => address);
    this.#order = (staying.length > 0 ? staying : [...wanted.keys()]).map((address) => this.#instances.get(address) as Instance);
  }

  async #ask<Q, R>(method: (instance: Instance) => Call<Q, R>, request: Q): Promise<R> {
    const metadata = await this.#metadata();
    const started = this.deps.clock.monotonic();
    const tried = new Set<Instance>();
    let failure: AppError | undefined;
    for (;;) {
      const left = DEADLINE_MS - (this.deps.clock.monotonic() - started);
      const instance = left > 50 ? this.#pick(tried) : undefined;
      if (instance === undefined) {
        throw failure ?? new AppError("UNAVAILABLE", "no syssvc can be reached", { retryAfterS: 1 });
      }
      tried.add(instance);
      const budget = this.#order.length > tried.size ? Math.min(left, FIRST_TRY_MS) : left;
      const outcome = await call(method(instance), request, metadata, budget);
      if (outcome.error === undefined) {
        instance.breaker.succeeded();
        return outcome.response;
      }
      if (!INSTANCE_AT_FAULT.has(outcome.error.code)) {
        instance.breaker.succeeded();
        throw toAppError(outcome.error);
      }
      instance.breaker.failed(this.deps.clock.monotonic());
      this.deps.logger.debug({ status: status[outcome.error.code] }, "syssvc did not answer");
      failure = toAppError(outcome.error);
    }
  }

  #pick(tried: ReadonlySet<Instance>): Instance | undefined {
    const now = this.deps.clock.monotonic();
    for (let i = 0; i < this.#order.length; i++) {
      const instance = this.#order[this.#next++ % this.#order.length] as Instance;
      if (!tried.has(instance) && instance.breaker.admits(now)) return instance;
    }
    return undefined;
  }

  async #metadata(): Promise<Metadata> {
    const now = this.deps.clock.monotonic();
    if (this.#credential === undefined || this.#credential.until <= now) {
      const metadata = new Metadata();
      metadata.set("authorization", `Bearer ${await this.deps.tokens.issueService("broker")}`);
      this.#credential = { metadata, until: now + CREDENTIAL_RENEW_MS };
    }
    return this.#credential.metadata;
  }
}

type Outcome<R> = { response: R; error?: undefined } | { error: ServiceError };

const call = <Q, R>(method: Call<Q, R>, request: Q, metadata: Metadata, budgetMs: number): Promise<Outcome<R>> =>
  new Promise((resolve) => {
    method(request, metadata, { deadline: Date.now() + budgetMs }, (error, response) => resolve(error ? { error } : { response }));
  });

const codeOfStatus = (name: string): AppError["code"] => {
  const wanted: Partial<Record<GrpcStatusName, AppError["code"]>> = {
    NOT_FOUND: "NOT_FOUND",
    INVALID_ARGUMENT: "BAD_REQUEST",
    PERMISSION_DENIED: "FORBIDDEN",
    DEADLINE_EXCEEDED: "TIMEOUT",
    UNAVAILABLE: "UNAVAILABLE",
    RESOURCE_EXHAUSTED: "UNAVAILABLE",
  };
  return wanted[name as GrpcStatusName] ?? "INTERNAL";
};

const toAppError = (error: ServiceError): AppError => {
  const code = codeOfStatus(status[error.code] ?? "UNKNOWN");
  return new AppError(code, errors[code].en, { cause: error, retryAfterS: 1 });
};
