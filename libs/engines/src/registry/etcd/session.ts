import { randomUUID } from "node:crypto";
import { AppError } from "@dunlin/runtime";
import { absent, entries, holds, type Link, present, put, read, remove } from "./link.js";

/** With etcd away it is tried again after this time, ms. */
const RETRY_MS = 250;

/** Something that lives under the lease. */
export interface Held {
  /** The lease under which it was last put. */
  lease: string;
  /** Puts it again under a new lease (and sets `lease`), or gives it up. May reject: then it is called again. */
  restore(lease: string): Promise<void>;
  /** Gives it up. Idempotent. */
  close(): Promise<void>;
}

/**
 * The one lease of this process. It counts as lost one TTL after its last successful renewal was sent, by the monotonic
 * clock, so before etcd can let it run out; when etcd has, or has forgotten it, there is a new one and everything held is
 * put again under it.
 */
export class Session {
  /** Tells this process's claims from all others'. */
  readonly nonce = randomUUID();
  readonly held = new Set<Held>();
  /** Keys of ours that a call whose answer was lost may have left behind, each with the value that shows that it is ours. */
  readonly #leftovers = new Map<string, string | undefined>();
  #lease: string | undefined;
  #sentAt = 0;
  #renewal: Promise<string> | undefined;
  #wanted = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  readonly #born: string;
  readonly #young: string;

  constructor(readonly link: Link) {
    this.#born = link.key("born");
    this.#young = link.key("young");
    this.#schedule(link.ttlMs / 3);
  }

  /** Whether the lease surely has not run out. */
  get valid(): boolean {
    return this.remainingMs > 0;
  }

  /** How long the lease surely runs without another renewal, ms. */
  get remainingMs(): number {
    if (this.#lease === undefined || this.#closed) return 0;
    return this.link.ttlMs - (this.link.clock.monotonic() - this.#sentAt);
  }

  /** Whether what was put under this lease is surely still there. */
  holds(lease: string): boolean {
    return this.valid && this.#lease === lease;
  }

  /** The lease, granted or renewed first if need be. @throws AppError UNAVAILABLE */
  async lease(): Promise<string> {
    this.#open();
    this.#wanted = true;
    return this.valid && this.#lease !== undefined ? this.#lease : await this.#renew();
  }

  /**
   * What must hold for a new claim: the conditions for its transaction, or undefined while etcd is too young. One that
   * was wiped does not know what was held; its holders believe in their leases for one TTL at most, and a key with such
   * a lease marks that time by etcd's own clock.
   */
  async grown(): Promise<ReturnType<typeof present | typeof absent>[] | undefined> {
    const state = await this.link.transact({ success: [read(this.#born), read(this.#young)] });
    if (entries(state, 0).length === 0) {
      const lease = await this.link.grant();
      await this.link.transact({
        compare: [absent(this.#born)],
        success: [put(this.#born, String(this.link.clock.now())), put(this.#young, "", lease)],
      });
      return undefined;
    }
    return entries(state, 1).length > 0 ? undefined : [present(this.#born), absent(this.#young)];
  }

  /** Deletes a key, if it holds `value` where that is given. What cannot be deleted now is deleted later, or goes with the lease. */
  async discard(key: string, value?: string): Promise<void> {
    this.#leftovers.set(key, value);
    await this.#sweep(key, value).catch(() => undefined);
  }

  /** Whether a discarded key may still be there. */
  discarding(key: string): boolean {
    return this.#leftovers.has(key);
  }

  /** From now on the key is wanted. */
  keep(key: string): void {
    this.#leftovers.delete(key);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const lease = this.#lease;
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#renewal?.catch(() => undefined);
    if (lease !== undefined) await this.link.revoke(lease).catch(() => undefined);
  }

  #open(): void {
    if (this.#closed) throw new AppError("UNAVAILABLE", "the registry is closed");
  }

  #renew(): Promise<string> {
    this.#renewal ??= this.#renewOnce().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #renewOnce(): Promise<string> {
    const { clock, logger } = this.link;
    let sent = clock.monotonic();
    if (this.#lease !== undefined) {
      if (await this.link.keepAlive(this.#lease)) {
        this.#sentAt = sent;
        return this.#lease;
      }
      logger.warn("etcd does not know the lease any more: registering again");
      this.#lease = undefined;
    }
    sent = clock.monotonic();
    const lease = await this.link.grant();
    if (this.#closed) await this.link.revoke(lease).catch(() => undefined);
    this.#open();
    this.#lease = lease;
    this.#sentAt = sent;
    // An etcd that was wiped begins to grow up now, not when the next claim comes.
    void this.grown().catch(() => undefined);
    return lease;
  }

  #schedule(ms: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#tick(), ms);
    this.#timer.unref();
  }

  async #tick(): Promise<void> {
    const start = this.link.clock.monotonic();
    try {
      if (this.#wanted) {
        const lease = await this.#renew();
        await Promise.all([...this.held].filter((held) => held.lease !== lease).map((held) => held.restore(lease)));
        for (const [key, value] of this.#leftovers) await this.#sweep(key, value);
      } else await this.link.transact({ success: [read(this.#born)] });
      this.#schedule(Math.max(0, this.link.ttlMs / 3 - (this.link.clock.monotonic() - start)));
    } catch (error) {
      if (!this.#closed) this.link.logger.debug({ err: error }, "the lease could not be renewed, or not everything restored");
      this.#schedule(RETRY_MS);
    }
  }

  async #sweep(key: string, value: string | undefined): Promise<void> {
    await this.link.transact({ compare: value === undefined ? [] : [holds(key, value)], success: [remove(key)] });
    if (this.#leftovers.get(key) === value) this.#leftovers.delete(key);
  }
}
