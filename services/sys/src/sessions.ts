import { publishControl } from "@dunlin/domain";
import { LRUCache } from "lru-cache";
import type { SysContext } from "./context.js";

/** How long a session that was found good is taken for good without asking the store, ms. */
const GOOD_MS = 1_000;
const GOOD_MAX = 50_000;

/** Whether sessions are good, and their end. */
export class Sessions {
  readonly #good = new LRUCache<string, { readonly userId: string; readonly expiresAt: number }>({ max: GOOD_MAX, ttl: GOOD_MS });

  constructor(private readonly context: Pick<SysContext, "store" | "cache" | "clock" | "logger">) {}

  /** Whether it is this user's session, not revoked and not expired. A revocation elsewhere is seen within a second. */
  async isGood(userId: string, sessionId: string): Promise<boolean> {
    const now = this.context.clock.now();
    const known = this.#good.get(sessionId);
    if (known) return known.userId === userId && known.expiresAt > now;
    const session = await this.context.store.sessions.get(sessionId);
    if (!session || session.userId !== userId || session.revokedAt !== null || session.expiresAt <= now) return false;
    this.#good.set(sessionId, { userId, expiresAt: session.expiresAt });
    return true;
  }

  /**
   * Revokes a user's sessions, all when `ids` is empty, and orders their connections closed. Named sessions that were
   * over already are ordered closed again, so that the call can be repeated when the order got lost.
   * @returns how many were active.
   */
  async revoke(userId: string, ids: readonly string[]): Promise<number> {
    const { store, cache, clock, logger } = this.context;
    const all = ids.length === 0;
    const revoked = await store.sessions.revoke(userId, all ? undefined : ids, clock.now());
    const sessionIds = all ? revoked : ids;
    for (const id of sessionIds) this.#good.delete(id);
    if (sessionIds.length > 0) {
      try {
        await publishControl(cache, { kind: "close", userId, sessionIds, close: "KICKED", revoked: true });
      } catch (error) {
        // The sessions are over all the same; their connections learn it at their next check.
        logger.warn({ err: error, user_id: userId }, "the order to close revoked sessions was not published");
      }
    }
    return revoked.length;
  }
}
