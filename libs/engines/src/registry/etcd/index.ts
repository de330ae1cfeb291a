import type { Lock, Member, MemberInfo, Registration, Registry, SlotLease } from "../port.js";
import { Link, type LinkOptions, read } from "./link.js";
import { Locks } from "./locks.js";
import { MemberWatch, register } from "./members.js";
import { Session } from "./session.js";
import { leaseSlot } from "./slots.js";

const PING_TIMEOUT_MS = 900;

/**
 * The registry on etcd 3.4 or later. Everything this process has lives under one lease. Opening does not wait for etcd;
 * calls fail while it is away. On an etcd that is new or was wiped, slots and locks are given after one TTL.
 */
export class EtcdRegistry implements Registry {
  readonly engine = "etcd";
  readonly #link: Link;
  readonly #session: Session;
  readonly #locks: Locks;
  readonly #watches = new Set<MemberWatch>();

  constructor(options: LinkOptions) {
    this.#link = new Link(options);
    this.#session = new Session(this.#link);
    this.#locks = new Locks(this.#session);
  }

  register(service: string, id: string, info: MemberInfo): Promise<Registration> {
    return register(this.#session, service, id, info);
  }

  async watch(service: string, listener: (members: readonly Member[]) => void): Promise<{ close(): Promise<void> }> {
    const watch = new MemberWatch(this.#link, service, listener);
    await watch.start();
    this.#watches.add(watch);
    return {
      close: async () => {
        this.#watches.delete(watch);
        await watch.close();
      },
    };
  }

  leaseSlot(owner: string): Promise<SlotLease> {
    return leaseSlot(this.#session, owner);
  }

  lock(name: string, owner: string): Promise<Lock | undefined> {
    return this.#locks.take(name, owner);
  }

  async ping(): Promise<void> {
    await this.#link.call((etcd) => etcd.kv.txn({ success: [read(this.#link.key("born"))] }), PING_TIMEOUT_MS);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.close()));
    this.#watches.clear();
    await Promise.all([...this.#session.held].map((held) => held.close()));
    await this.#session.close();
    this.#link.close();
  }
}
