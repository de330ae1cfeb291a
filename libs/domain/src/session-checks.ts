import type { Sessions } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";
import type { CloseOrder } from "./control.js";
import type { AccessClaims } from "./tokens.js";

/** How long an answer of the store is good, ms. */
const FRESH_MS = 30_000;
const SESSIONS_MAX = 50_000;

interface Known {
  readonly userId: string;
  readonly active: boolean;
  readonly checkedAt: number;
}

/**
 * Whether the session an access token names is still good: asked of the store at most every 30 s, ended at once by a
 * close order that revokes it. While the store is away, the last answer counts (the token's own end still bounds it).
 */
export class SessionChecks {
  readonly #known = new LRUCache<string, Known>({ max: SESSIONS_MAX });
  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(
    private readonly sessions: Pick<Sessions, "get">,
    private readonly clock: Pick<Clock, "now">,
  ) {}

  /**
   * Resolves when the session is active; undefined when that is known without asking.
   * @throws AppError TOKEN_INVALID, or UNAVAILABLE when the store is away and the session was never seen here.
   */
  check(claims: Pick<AccessClaims, "sessionId" | "userId">): Promise<void> | undefined {
    const known = this.#known.get(claims.sessionId);
    if (known && (!known.active || this.clock.now() - known.checkedAt < FRESH_MS)) {
      if (!known.active || known.userId !== claims.userId) throw new AppError("TOKEN_INVALID");
      return undefined;
    }
    return this.#ask(claims);
  }

  /** Takes note of an order: the sessions it revokes are no longer good. */
  apply(order: CloseOrder): void {
    if (!order.revoked) return;
    const ended: Known = { userId: order.userId, active: false, checkedAt: this.clock.now() };
    if (order.sessionIds) for (const id of order.sessionIds) this.#known.set(id, ended);
    else for (const [id, known] of this.#known.entries()) if (known.userId === order.userId) this.#known.set(id, ended);
  }

  async #ask({ sessionId, userId }: Pick<AccessClaims, "sessionId" | "userId">): Promise<void> {
    const known = this.#known.get(sessionId);
    let active: boolean;
    try {
      let asking = this.#asking.get(sessionId);
      if (!asking) {
        asking = this.#load(sessionId).finally(() => this.#asking.delete(sessionId));
        this.#asking.set(sessionId, asking);
      }
      active = await asking;
    } catch (error) {
      if (!known) throw error;
      active = known.active;
    }
    const now = this.#known.get(sessionId);
    if (!active || (now && now.userId !== userId)) throw new AppError("TOKEN_INVALID");
  }

  async #load(sessionId: string): Promise<boolean> {
    const row = await this.sessions.get(sessionId);
    const now = this.clock.now();
    // An order that came while the store was asked is newer than its answer.
    if (this.#known.get(sessionId)?.active === false) return false;
    const active = row !== undefined && row.revokedAt === null && row.expiresAt > now;
    this.#known.set(sessionId, { userId: row?.userId ?? "", active, checkedAt: now });
    return active;
  }
}
