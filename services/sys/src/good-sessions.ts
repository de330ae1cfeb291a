import { LRUCache } from "lru-cache";
import type { SysContext } from "./context.js";

/** How long a session that was found good is taken for good without asking the store, ms. */
const GOOD_MS = 1_000;
const GOOD_MAX = 50_000;

/** Sessions that are neither revoked nor expired. A revocation by another process is seen within a second. */
export class GoodSessions {
  readonly #known = new LRUCache<string, { readonly userId: string; readonly expiresAt: number }>({ max: GOOD_MAX, ttl: GOOD_MS });

  constructor(private readonly context: Pick<SysContext, "store" | "clock">) {}

  /** Whether it is good, and this user's. */
  async has(userId: string, sessionId: string): Promise<boolean> {
    const now = this.context.clock.now();
    const known = this.#known.get(sessionId);
    if (known) return known.userId === userId && known.expiresAt > now;
    const session = await this.context.store.sessions.get(sessionId);
    if (!session || session.userId !== userId || session.revokedAt !== null || session.expiresAt <= now) return false;
    this.#known.set(sessionId, { userId, expiresAt: session.expiresAt });
    return true;
  }

  forget(sessionId: string): void {
    this.#known.delete(sessionId);
  }
}
