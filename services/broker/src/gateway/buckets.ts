import { bucketOf, type PresenceNotice, subscribePresence } from "@dunlin/domain";
import type { Cache } from "@dunlin/engines/cache";
import type { Logger } from "@dunlin/runtime";
import { Follower } from "./follower.js";

export interface BucketsDeps {
  readonly cache: Pick<Cache, "subscribe">;
  readonly logger: Logger;
  readonly onNotice: (notice: PresenceNotice) => void;
  /** News of this bucket's users arrives from now on; what was before that did not. */
  readonly onFollowing: (bucket: number) => void;
}

/** Follows the presence channels of the users that are watched here, and no others. */
export class Buckets {
  readonly #open = new Map<number, { users: number; readonly follower: Follower }>();
  readonly #closing = new Set<Promise<void>>();

  constructor(private readonly deps: BucketsDeps) {}

  /** One more user is watched. */
  add(userId: string): void {
    const bucket = bucketOf(userId);
    const there = this.#open.get(bucket);
    if (there !== undefined) {
      there.users += 1;
      return;
    }
    const { cache, logger, onNotice, onFollowing } = this.deps;
    const follower = new Follower({
      subscribe: () => subscribePresence(cache, bucket, onNotice),
      onFollowing: () => onFollowing(bucket),
      what: "presence",
      logger,
    });
    this.#open.set(bucket, { users: 1, follower });
  }

  remove(userId: string): void {
    const bucket = bucketOf(userId);
    const there = this.#open.get(bucket);
    if (there === undefined) return;
    there.users -= 1;
    if (there.users > 0) return;
    this.#open.delete(bucket);
    const closing = there.follower
      .close()
      .catch((error: unknown) => this.deps.logger.debug({ err: error }, "a presence channel was not left"))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** Channels followed now. */
  get size(): number {
    return this.#open.size;
  }

  async close(): Promise<void> {
    const followers = [...this.#open.values()].map(({ follower }) => follower.close());
    this.#open.clear();
    await Promise.allSettled([...followers, ...this.#closing]);
  }
}
