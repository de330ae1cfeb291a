import type { Tokens } from "@dunlin/domain";
import type { Member, Registry } from "@dunlin/engines/registry";
import { errors, type GrpcStatusName, sys } from "@dunlin/proto";
import { AppError, type Clock, type Logger } from "@dunlin/runtime";
import { type CallOptions, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { type Outcome, Peers } from "./sys-peers.js";

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

/** The channel to one syssvc process. */
class Instance {
  readonly tokens: sys.TokenServiceClient;
  readonly messages: sys.MessageServiceClient;
  readonly presence: sys.PresenceServiceClient;
  readonly supergroups: sys.SupergroupServiceClient;

  constructor(address: string) {
    const options = {
      // Without keepalive a peer that is stopped, not dead, would only be noticed by deadlines.
      "grpc.keepalive_time_ms": 20_000,
      "grpc.keepalive_timeout_ms": 5_000,
      // One that is back is connected to again about as soon as it is asked again.
      "grpc.initial_reconnect_backoff_ms": 250,
      "grpc.max_reconnect_backoff_ms": 2_000,
    };
    const insecure = credentials.createInsecure();
    this.tokens = new sys.TokenServiceClient(address, insecure, options);
    this.messages = new sys.MessageServiceClient(address, insecure, options);
    this.presence = new sys.PresenceServiceClient(address, insecure, options);
    this.supergroups = new sys.SupergroupServiceClient(address, insecure, options);
  }

  close(): void {
    this.tokens.close();
    this.messages.close();
    this.presence.close();
    this.supergroups.close();
  }
}

export interface SysClientDeps {
  readonly registry: Registry;
  readonly tokens: Pick<Tokens, "issueService">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the gateway asks syssvc: its calls only read, so they may be tried again at another instance. */
export class SysClient {
  readonly #peers;
  #credential: { metadata: Metadata; until: number } | undefined;
  #watch: { close(): Promise<void> } | undefined;

  constructor(private readonly deps: SysClientDeps) {
    this.#peers = new Peers({
      open: (address) => new Instance(address),
      close: (instance) => instance.close(),
      clock: deps.clock,
    });
  }

  /** Follows the registry's syssvc members from now on. */
  async start(): Promise<void> {
    this.#watch = await this.deps.registry.watch("sys", (members) => this.#setMembers(members));
  }

  async close(): Promise<void> {
    await this.#watch?.close();
    this.#peers.close();
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

  /** Whether each viewer may see the user's presence, at most 1,000 pairs. @throws AppError */
  async visible(pairs: readonly sys.PresencePair[]): Promise<boolean[]> {
    const answer = await this.#ask<sys.CheckVisibilityRequest, sys.CheckVisibilityResponse>(
      (instance) => instance.presence.checkVisibility.bind(instance.presence),
      { pairs: [...pairs] },
    );
    return answer.visible;
  }

  /** The supergroups each user is a member of, in the order of the users. @throws AppError */
  async supergroupsOf(userIds: readonly string[], limit: number): Promise<string[][]> {
    // A user with several devices may be asked for several times at once.
    const distinct = [...new Set(userIds)];
    const { users } = await this.#ask<sys.ListSupergroupsRequest, sys.ListSupergroupsResponse>(
      (instance) => instance.supergroups.listSupergroups.bind(instance.supergroups),
      { userIds: distinct, limit },
    );
    const found = new Map(distinct.map((userId, i) => [userId, users[i]?.supergroupIds ?? []]));
    return userIds.map((userId) => found.get(userId) ?? []);
  }

  /** How far supergroups' logs reach. @throws AppError */
  async heads(supergroupIds: readonly string[]): Promise<Map<string, number>> {
    const { heads } = await this.#ask<sys.GetHeadsRequest, sys.GetHeadsResponse>(
      (instance) => instance.supergroups.getHeads.bind(instance.supergroups),
      { supergroupIds: [...supergroupIds] },
    );
    return new Map(heads.map(({ supergroupId, seq }) => [supergroupId, seq]));
  }

  /** A supergroup's log after `seq`. @throws AppError */
  supergroupLog(supergroupId: string, seq: number, limit: number): Promise<sys.GetSupergroupLogResponse> {
    return this.#ask<sys.GetSupergroupLogRequest, sys.GetSupergroupLogResponse>(
      (instance) => instance.supergroups.getSupergroupLog.bind(instance.supergroups),
      { supergroupId, seq, limit },
    );
  }

  #setMembers(members: readonly Member[]): void {
    const wanted = new Map<string, boolean>();
    for (const member of members) {
      const address = member.addresses.grpc;
      if (address !== undefined) wanted.set(address, member.draining === true);
    }
    this.#peers.set(wanted);
  }

  async #ask<Q, R>(method: (instance: Instance) => Call<Q, R>, request: Q): Promise<R> {
    const metadata = await this.#metadata();
    return await this.#peers.ask<R>((instance, budgetMs) => this.#call(method(instance), request, metadata, budgetMs));
  }

  #call<Q, R>(method: Call<Q, R>, request: Q, metadata: Metadata, budgetMs: number): Promise<Outcome<R>> {
    return new Promise((resolve) => {
      method(request, metadata, { deadline: Date.now() + budgetMs }, (failure, response) => {
        if (failure === null) {
          resolve({ kind: "answer", response });
          return;
        }
        const error = toAppError(failure);
        if (!INSTANCE_AT_FAULT.has(failure.code)) resolve({ kind: "refusal", error });
        else {
          this.deps.logger.debug({ status: status[failure.code] }, "syssvc did not answer");
          resolve({ kind: failure.code === status.DEADLINE_EXCEEDED ? "slow" : "fault", error });
        }
      });
    });
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
