import { join } from "node:path";
import { AppError, sleep } from "@dunlin/runtime";
import type { EngineDeps } from "../../host/index.js";
import type { Lock, Member, MemberInfo, Registration, Registry, SlotLease } from "../port.js";
import { MAX_SLOT_WAIT_MS, noSlot, RESERVE_LOW_MS, RESERVE_MS, slotChoices } from "../slots.js";
import { type Holder, MemorySpace } from "./space.js";

export { MemorySpace } from "./space.js";

export interface MemoryRegistryOptions extends Pick<EngineDeps, "logger" | "clock"> {
  ttlMs: number;
  /** Shared by the registries that are to see each other. */
  space?: MemorySpace;
  /** While it answers false every call is refused and nothing is renewed, as with a server that is away: for tests. */
  reachable?: () => boolean;
}

/** What the disk refused is tried again after this time, ms. */
const RETRY_MS = 250;

/** The file of the data folder in which the embedded engine keeps what must outlive the process. */
export const spaceFile = (dataDir: string): string => join(dataDir, "registry.json");

/**
 * The registry in this process's memory. Leases run out here too, by the monotonic clock, so that what a holder sees is
 * the same as with a server: whoever does not renew for a TTL is gone, and somebody else may take its place.
 */
export class MemoryRegistry implements Registry, Holder {
  readonly engine = "memory";
  readonly #deps: Pick<EngineDeps, "logger" | "clock">;
  readonly #ttlMs: number;
  readonly #space: MemorySpace;
  readonly #reachable: () => boolean;
  readonly #timer: NodeJS.Timeout;
  readonly #closing = new AbortController();
  /** Everything to bring back when the lease had run out, and to give up at the end. */
  readonly #held = new Set<{ renew(): void; close(): Promise<void> }>();
  readonly #watches = new Set<{ tell(): void; leave(): void }>();
  #missed = false;
  #renewedAt: number;

  constructor({ logger, clock, ttlMs, space = new MemorySpace(), reachable = () => true }: MemoryRegistryOptions) {
    this.#deps = { logger, clock };
    this.#ttlMs = ttlMs;
    this.#space = space;
    this.#reachable = reachable;
    this.#renewedAt = clock.monotonic();
    this.#timer = setInterval(() => this.#tick(), ttlMs / 3);
    this.#timer.unref();
  }

  get alive(): boolean {
    return !this.#closing.signal.aborted && this.#deps.clock.monotonic() - this.#renewedAt < this.#ttlMs;
  }

  async register(service: string, id: string, info: MemberInfo): Promise<Registration> {
    this.#renew();
    let current = info;
    const put = (): void => this.#space.put(service, id, current, this);
    const held = {
      renew: () => {
        if (!this.#space.has(service, id)) put();
      },
      close: async () => {
        if (this.#held.delete(held)) this.#space.remove(service, id, this);
      },
    };
    this.#held.add(held);
    put();
    return {
      update: async (next) => {
        this.#renew();
        if (!this.#held.has(held)) return;
        current = next;
        put();
      },
      close: held.close,
    };
  }

  async watch(service: string, listener: (members: readonly Member[]) => void): Promise<{ close(): Promise<void> }> {
    this.#renew();
    const tell = (): void => {
      // As with a server: who is cut off hears nothing and keeps what it knew.
      if (!this.#reachable()) {
        this.#missed = true;
        return;
      }
      try {
        listener(this.#space.members(service));
      } catch (error) {
        this.#deps.logger.error({ err: error, service }, "a watcher failed");
      }
    };
    const watch = { tell, leave: this.#space.watch(service, tell) };
    this.#watches.add(watch);
    tell();
    return {
      close: async () => {
        this.#watches.delete(watch);
        watch.leave();
      },
    };
  }

  async leaseSlot(owner: string): Promise<SlotLease> {
    this.#renew();
    const { clock, logger } = this.#deps;
    const space = this.#space;
    const [choice] = slotChoices(
      (slot) => space.isFree(slotName(slot)),
      (slot) => space.usedUntil(slot),
      clock.now(),
    );
    if (!choice || choice.waitMs > MAX_SLOT_WAIT_MS) throw noSlot();
    const { slot } = choice;
    const name = slotName(slot);
    let lost = false;
    let reservedUntil = 0;
    let triesAgainAt = 0;
    const listeners = new Set<() => void>();
    const taken = (): void => {
      lost = true;
      this.#held.delete(held);
      logger.error({ slot, owner }, "another process has this slot");
      for (const listener of listeners) listener();
      listeners.clear();
    };
    const held = {
      renew: () => void space.take(name, this, taken),
      close: async () => {
        if (this.#held.delete(held)) space.release(name, taken);
      },
    };
    if (!space.take(name, this, taken)) throw noSlot();
    this.#held.add(held);
    if (choice.waitMs > 0) {
      await sleep(choice.waitMs, this.#closing.signal);
      if (this.#closing.signal.aborted || lost) throw noSlot();
    }
    const valid = (): boolean => this.#held.has(held) && this.alive;
    return {
      slot,
      get valid() {
        return valid();
      },
      get reservedUntil() {
        // Writing here is cheap, so the reservation follows even a clock that leaps.
        const now = clock.now();
        if (valid() && reservedUntil - now < RESERVE_LOW_MS && clock.monotonic() >= triesAgainAt) {
          try {
            space.reserve(slot, now + RESERVE_MS, now);
            reservedUntil = now + RESERVE_MS;
          } catch (error) {
            triesAgainAt = clock.monotonic() + RETRY_MS;
            logger.warn({ err: error, slot }, "time for the slot could not be reserved");
          }
        }
        return reservedUntil;
      },
      onLost: (listener) => {
        if (lost) listener();
        else listeners.add(listener);
      },
      close: held.close,
    };
  }

  async lock(name: string, owner: string): Promise<Lock | undefined> {
    this.#renew();
    const space = this.#space;
    const controller = new AbortController();
    let expiry: NodeJS.Timeout | undefined;
    // A lock that may have been lost never comes back: its work has been told to stop.
    const end = (): void => {
      if (!controller.signal.aborted) this.#deps.logger.debug({ lock: name, owner }, "lock ends");
      clearTimeout(expiry);
      this.#held.delete(held);
      space.release(lockName(name), end);
      controller.abort();
    };
    const held = { renew: end, close: async () => end() };
    if (!space.take(lockName(name), this, end)) return undefined;
    let token: number;
    try {
      token = space.nextToken(this.#deps.clock.now());
    } catch (cause) {
      // Nobody would ever give up a lock that nobody was handed.
      end();
      throw new AppError("UNAVAILABLE", "the lock's token cannot be written", { cause, retryAfterS: 1 });
    }
    this.#held.add(held);
    const watch = (): void => {
      if (!this.alive) {
        end();
        return;
      }
      expiry = setTimeout(watch, Math.max(1, this.#ttlMs - (this.#deps.clock.monotonic() - this.#renewedAt)));
      expiry.unref();
    };
    watch();
    const valid = (): boolean => this.#held.has(held) && this.alive;
    return {
      token,
      get valid() {
        return valid();
      },
      signal: controller.signal,
      close: held.close,
    };
  }

  async ping(): Promise<void> {
    this.#renew();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const { leave } of this.#watches) leave();
    for (const held of [...this.#held]) await held.close();
    this.#closing.abort();
  }

  /** @throws AppError UNAVAILABLE when closed or cut off. */
  #renew(): void {
    if (this.#closing.signal.aborted) throw new AppError("UNAVAILABLE", "the registry is closed");
    if (!this.#reachable()) throw new AppError("UNAVAILABLE", "the registry is away");
    const wasAlive = this.alive;
    this.#renewedAt = this.#deps.clock.monotonic();
    if (!wasAlive) for (const held of [...this.#held]) held.renew();
  }

  #tick(): void {
    if (!this.#reachable()) return;
    this.#renew();
    this.#space.sweep();
    if (!this.#missed) return;
    this.#missed = false;
    for (const { tell } of this.#watches) tell();
  }
}

const slotName = (slot: number): string => `slot/${slot}`;
const lockName = (name: string): string => `lock/${name}`;
