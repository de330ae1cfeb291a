import type { Cache, Route, Subscription } from "@dunlin/engines/cache";
import { PRESENCE_BUCKETS, presenceChannel } from "@dunlin/proto";

/** Many devices make one presence: active if any is, away if any is connected. */
export type PresenceStatus = "active" | "away" | "offline";

/** Users whose presence one session may follow. */
export const WATCHED_MAX = 500;
/** How long the cache keeps what a session watches, ms; clients of ours send it again when they connect. */
export const WATCH_TTL_MS = 24 * 3_600_000;
/** How long the cache keeps when somebody was last seen, ms; then the store's coarser time counts. */
export const SEEN_TTL_MS = 30 * 24 * 3_600_000;

/** Cache key: the user ids a session watches, joined by commas. */
export const watchKey = (sessionId: string): string => `watch:${sessionId}`;
/** Cache key: when a user was last connected, ms since 1970. */
export const seenKey = (userId: string): string => `seen:${userId}`;

/** A time as the cache keeps it; undefined for what is none. */
export const seenAt = (text: string | undefined): number | undefined => {
  const at = Number(text);
  return text !== undefined && Number.isSafeInteger(at) && at > 0 ? at : undefined;
};

export const statusOf = (routes: readonly Route[] | undefined): PresenceStatus => {
  if (routes === undefined || routes.length === 0) return "offline";
  return routes.some((route) => route.status === "active") ? "active" : "away";
};

/** The channel a user's news goes through (FNV-1a over the id). */
export const bucketOf = (userId: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < userId.length; i++) hash = Math.imul(hash ^ userId.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % PRESENCE_BUCKETS;
};

/** Says no more than whom to look up again; the truth is in the routes, so a double or a late one does no harm. */
export interface PresenceNotice {
  /** `routes`: a device came, went or changed its status. `privacy`: who may see them has changed. */
  readonly what: "routes" | "privacy";
  readonly userIds: readonly string[];
}

/** Names users whose presence may have changed, one message for each bucket. Lost when pub/sub is away. */
export const publishPresence = async (
  cache: Pick<Cache, "publish">,
  what: PresenceNotice["what"],
  userIds: Iterable<string>,
): Promise<void> => {
  const buckets = new Map<number, string[]>();
  for (const userId of userIds) {
    const bucket = bucketOf(userId);
    const there = buckets.get(bucket);
    if (there) there.push(userId);
    else buckets.set(bucket, [userId]);
  }
  await Promise.all([...buckets].map(([bucket, ids]) => cache.publish(presenceChannel(bucket), Buffer.from(`${what} ${ids.join(",")}`))));
};

/** Hands every well-formed notice of a bucket to the listener; junk is ignored. */
export const subscribePresence = (
  cache: Pick<Cache, "subscribe">,
  bucket: number,
  listener: (notice: PresenceNotice) => void,
): Promise<Subscription> =>
  cache.subscribe(presenceChannel(bucket), (message) => {
    const [what, ids, ...more] = Buffer.from(message).toString("utf8").split(" ");
    if ((what !== "routes" && what !== "privacy") || !ids || more.length > 0) return;
    listener({ what, userIds: ids.split(",") });
  });
