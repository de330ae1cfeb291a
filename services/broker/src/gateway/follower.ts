import type { Subscription } from "@dunlin/engines/cache";
import { backoffMs, type Logger, sleep } from "@dunlin/runtime";

const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 5_000;

export interface FollowerOptions {
  readonly subscribe: () => Promise<Subscription>;
  /** Called once what is published arrives; what was published before that did not. */
  readonly onFollowing?: () => void;
  /** What is followed, for logs. */
  readonly what: string;
  readonly logger: Logger;
}

/** Follows a channel from now on, or as soon as the pub/sub engine answers. */
export class Follower {
  readonly #stop = new AbortController();
  readonly #following: Promise<void>;
  #subscription: Subscription | undefined;

  constructor(private readonly options: FollowerOptions) {
    this.#following = this.#follow();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await this.#subscription?.close();
  }

  async #follow(): Promise<void> {
    const { subscribe, onFollowing, what, logger } = this.options;
    for (let failures = 0; !this.#stop.signal.aborted && this.#subscription === undefined; failures++) {
      try {
        this.#subscription = await subscribe();
        onFollowing?.();
      } catch (error) {
        logger.warn({ err: error }, `${what} cannot be followed yet; trying again`);
        await sleep(backoffMs(failures, RETRY_BASE_MS, RETRY_CAP_MS) + 100, this.#stop.signal);
      }
    }
  }
}
