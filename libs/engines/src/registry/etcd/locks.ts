import type { Lock } from "../port.js";
import { absent, entries, put, read, unchanged } from "./link.js";
import type { Held, Session } from "./session.js";

/** Named locks. Each name's newest token is kept without a lease, and tokens begin at the clock's ms, so that they rise even after etcd was wiped. */
export class Locks {
  /** Names this process has or is trying to get: its claims all look alike in etcd. */
  readonly #busy = new Set<string>();

  constructor(private readonly session: Session) {}

  async take(name: string, owner: string): Promise<Lock | undefined> {
    const key = this.session.link.key(`locks/${encodeURIComponent(name)}`);
    if (this.#busy.has(key)) return undefined;
    this.#busy.add(key);
    let lock: Lock | undefined;
    try {
      lock = await this.#claim(key, name, owner);
      return lock;
    } finally {
      if (!lock) this.#busy.delete(key);
    }
  }

  async #claim(key: string, name: string, owner: string): Promise<Lock | undefined> {
    const { session } = this;
    const { link, nonce } = session;
    const lease = await session.lease();
    if (session.discarding(key)) await session.discard(key, nonce);
    if (session.discarding(key)) return undefined;
    const grown = await session.grown();
    if (!grown) return undefined;
    const tokenKey = this.session.link.key(`lock-tokens/${encodeURIComponent(name)}`);
    const before = await link.transact({ success: [read(key), read(tokenKey)] });
    if (entries(before, 0).length > 0) return undefined;
    const last = entries(before, 1)[0];
    const token = Math.max(tokenOf(last?.value) + 1, link.clock.now());
    const answer = await link
      .transact({
        compare: [...grown, absent(key), unchanged(tokenKey, last?.revision ?? "0")],
        success: [put(key, nonce, lease), put(tokenKey, String(token))],
        failure: [read(key), read(tokenKey)],
      })
      .catch(async (error: unknown) => {
        await session.discard(key, nonce);
        throw error;
      });
    // Ours after all when the first try went through and only its answer was lost.
    const repeated = (): boolean => entries(answer, 0)[0]?.value === nonce && tokenOf(entries(answer, 1)[0]?.value) === token;
    if (!answer.succeeded && !repeated()) return undefined;
    link.logger.debug({ lock: name, owner, token }, "lock taken");
    return this.#held(key, lease, token);
  }

  #held(key: string, lease: string, token: number): Lock {
    const { session } = this;
    const controller = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    // A lock that may have been lost never comes back: its work has been told to stop.
    const end = async (): Promise<void> => {
      if (!session.held.delete(held)) return;
      clearTimeout(timer);
      controller.abort();
      await session.discard(key, session.nonce);
      this.#busy.delete(key);
    };
    const held: Held = { lease, restore: end, close: end };
    session.held.add(held);
    const watch = (): void => {
      if (session.holds(lease)) {
        timer = setTimeout(watch, Math.max(1, session.remainingMs));
        timer.unref();
      } else void end();
    };
    watch();
    return {
      token,
      get valid() {
        return session.held.has(held) && session.holds(lease);
      },
      signal: controller.signal,
      close: end,
    };
  }
}

/** A token as it was kept; 0 for what is none. */
const tokenOf = (text: string | undefined): number => {
  const token = Number(text ?? 0);
  return Number.isSafeInteger(token) ? token : 0;
};
