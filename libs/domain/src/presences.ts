import type { Cache } from "@dunlin/engines/cache";
import { AppError } from "@dunlin/runtime";
import type { RequestStore } from "./guarded-store.js";
import type { LiveGateways } from "./live-gateways.js";
import { type PresenceStatus, seenAt, seenKey, statusOf, WATCH_TTL_MS, watchKey } from "./presence.js";
import type { Relations } from "./relations.js";
import { publishSignal } from "./signals.js";
import type { AccessClaims } from "./tokens.js";

export interface Presence {
  readonly userId: string;
  readonly status: PresenceStatus;
  /** When an offline user was last connected, ms since 1970; null while online, when it is not known, and when it is not shown. */
  readonly lastSeen: number | null;
}

export interface PresencePair {
  readonly viewerId: string;
  readonly userId: string;
}

export interface PresencesDeps {
  readonly gateways: Pick<LiveGateways, "routes">;
  readonly cache: Pick<Cache, "get" | "set" | "delete" | "publish">;
  readonly store: Pick<RequestStore, "presence">;
  readonly relations: Pick<Relations, "maySeePresence">;
}

/** Who is there, who may see it, and who follows whom. */
export class Presences {
  constructor(private readonly deps: PresencesDeps) {}

  /** Users' presence as it is, in the order asked for. @throws AppError UNAVAILABLE */
  async all(userIds: readonly string[]): Promise<Presence[]> {
    const { gateways, store } = this.deps;
    const routes = await gateways.routes(userIds);
    const offline = userIds.filter((userId) => !routes.has(userId));
    const seen = await this.#seen(offline);
    const unseen = offline.filter((userId) => !seen.has(userId));
    // Coarse, as sessions note their use when they refresh their token; better than nothing after the cache was emptied.
    if (unseen.length > 0) for (const [userId, at] of await store.presence.lastUsed(unseen)) seen.set(userId, at);
    return userIds.map((userId) => ({ userId, status: statusOf(routes.get(userId)), lastSeen: seen.get(userId) ?? null }));
  }

  /** As `viewerId` may see it: who does not show it is offline and was never seen. @throws AppError UNAVAILABLE */
  async shown(viewerId: string, userIds: readonly string[]): Promise<Presence[]> {
    const [all, visible] = await Promise.all([this.all(userIds), this.visible(userIds.map((userId) => ({ viewerId, userId })))]);
    return all.map((presence, i) => (visible[i] === true ? presence : { userId: presence.userId, status: "offline", lastSeen: null }));
  }

  /** Whether each viewer may see the user's presence. Everybody sees their own. @throws AppError UNAVAILABLE */
  visible(pairs: readonly PresencePair[]): Promise<boolean[]> {
    return this.deps.relations.maySeePresence(pairs);
  }

  /**
   * The session of `claims` follows these users from now on, and no others, also at its next connections.
   * @returns their presence now. @throws AppError UNAVAILABLE
   */
  async watch({ userId, sessionId }: AccessClaims, userIds: readonly string[]): Promise<Presence[]> {
    const { cache } = this.deps;
    // First the list, then the word to the gateway; a connection that is being made looks in the opposite order.
    if (userIds.length === 0) await cache.delete(watchKey(sessionId));
    else await cache.set(watchKey(sessionId), userIds.join(","), WATCH_TTL_MS);
    const slot = await this.#slotOf(userId, sessionId);
    if (slot !== undefined) await publishSignal(cache, slot, { kind: "watch", userId, sessionId });
    return userIds.length === 0 ? [] : await this.shown(userId, userIds);
  }

  /** The device of `claims` is active or away. @throws AppError NOT_CONNECTED, UNAVAILABLE */
  async setStatus({ userId, sessionId }: AccessClaims, status: "active" | "away"): Promise<void> {
    const slot = await this.#slotOf(userId, sessionId);
    if (slot === undefined) throw new AppError("NOT_CONNECTED");
    await publishSignal(this.deps.cache, slot, { kind: "status", userId, sessionId, status });
  }

  async #slotOf(userId: string, sessionId: string): Promise<number | undefined> {
    const routes = (await this.deps.gateways.routes([userId])).get(userId);
    return routes?.find((route) => route.sessionId === sessionId)?.slot;
  }

  async #seen(userIds: readonly string[]): Promise<Map<string, number>> {
    const seen = new Map<string, number>();
    const texts = await Promise.all(userIds.map((userId) => this.deps.cache.get(seenKey(userId))));
    texts.forEach((text, i) => {
      const at = seenAt(text);
      if (at !== undefined) seen.set(userIds[i] as string, at);
    });
    return seen;
  }
}
