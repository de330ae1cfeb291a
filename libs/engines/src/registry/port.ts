/**
 * Who is there: discovery, leased slots, locks.
 *
 * Guarantees every engine gives:
 * - What a process registers disappears at the latest one TTL after the process is gone.
 * - A lease is assumed lost by its holder one TTL after its last successful renewal was *sent* (monotonic time), so
 *   before anybody else can have it. Who holds one asks `valid` before each use.
 * - When the engine is away, watchers keep the last known members (no mass eviction); when it comes back empty, holders
 *   register again under the same slot if nobody else has taken it.
 */
export interface Registry {
  readonly engine: "memory" | "etcd";
  /** Makes a process known. `info` is published as JSON; `update` replaces it. */
  register(service: string, id: string, info: MemberInfo): Promise<Registration>;
  /**
   * Calls the listener with all members of a service: now (before the promise resolves) and after every change.
   * Values that do not parse are ignored.
   */
  watch(service: string, listener: (members: readonly Member[]) => void): Promise<{ close(): Promise<void> }>;
  /**
   * Leases a free slot (0 to 1023) under which no id can have been made with a time later than now: a slot's holder
   * reserves time ahead (`reserveTime`) and that reservation outlives the lease.
   * On a server that is new, or was wiped, it takes one TTL: what it has forgotten may still be believed in until then.
   * @throws AppError UNAVAILABLE when the registry cannot be reached or no slot is free.
   */
  leaseSlot(owner: string): Promise<SlotLease>;
  /** Tries to take a named lock; undefined when somebody has it, or may still believe so after the server was wiped. */
  lock(name: string, owner: string): Promise<Lock | undefined>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface MemberInfo {
  /** Addresses by purpose, e.g. {"ws":"ws://host:8081/ws","grpc":"host:8082"}. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly slot?: number;
  /** Load for choosing: connections of a broker. */
  readonly load?: number;
  readonly draining?: boolean;
  /** When the process registered, ms since 1970 by its own clock: what another process left under its slot is older. */
  readonly since?: number;
}

export interface Member extends MemberInfo {
  readonly id: string;
}

export interface Registration {
  update(info: MemberInfo): Promise<void>;
  close(): Promise<void>;
}

export interface SlotLease {
  readonly slot: number;
  /** False from one TTL after the last renewal on: make no id, take no connection. May become true again only if the
   * slot was never given to anybody else in between. */
  readonly valid: boolean;
  /** Calls the listener once when the slot is gone for good (somebody else has it): the process gives up. */
  onLost(listener: () => void): void;
  /** Ids may be made with times up to this, ms since 1970; renewed ahead of time while the lease is valid. */
  readonly reservedUntil: number;
  close(): Promise<void>;
}

export interface Lock {
  /** Rises with every grant of this name: writes that carry an older one are to be refused (fencing). */
  readonly token: number;
  readonly valid: boolean;
  /** Aborts when the lock may have been lost. */
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

export const SLOTS = 1024;
