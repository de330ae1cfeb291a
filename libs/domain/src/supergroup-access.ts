import type { MemberKey, MemberRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";
import { Batcher } from "./batcher.js";
import type { RequestStore } from "./guarded-store.js";

/** How long a membership is taken for current, ms; ingest checks again as of the message's place in the log. */
const FRESH_MS = 5_000;
const MEMBERS_MAX = 100_000;

interface KnownMember {
  readonly member: MemberRow;
  readonly loadedAt: number;
}

const keyOf = ({ conversationId, userId }: MemberKey): string => `${conversationId} ${userId}`;

/** Who is a member of a supergroup: looked up one by one, many look-ups together, never a whole supergroup. */
export class SupergroupAccess {
  readonly #members = new LRUCache<string, KnownMember>({ max: MEMBERS_MAX });
  readonly #loads: Batcher<MemberKey, MemberRow | undefined>;

  constructor(
    store: Pick<RequestStore, "supergroups">,
    private readonly clock: Pick<Clock, "now">,
  ) {
    this.#loads = new Batcher({
      load: async (keys) => {
        const loadedAt = clock.now();
        const found = new Map((await store.supergroups.membersAt(keys)).map((row) => [keyOf(row), row]));
        return keys.map((key) => {
          const member = found.get(keyOf(key));
          if (member) this.#members.set(keyOf(key), { member, loadedAt });
          else this.#members.delete(keyOf(key));
          return member;
        });
      },
      maxBatch: 500,
      maxRunning: 2,
      maxWaiting: 20_000,
    });
  }

  /** The membership, when it is known well enough without asking. */
  known(userId: string, supergroupId: string): MemberRow | undefined {
    const known = this.#members.get(keyOf({ conversationId: supergroupId, userId }));
    return known && this.clock.now() - known.loadedAt < FRESH_MS ? known.member : undefined;
  }

  /**
   * Nobody is refused on what was known before the call; while the store is away, what was known last counts.
   * @throws AppError NOT_A_MEMBER, also when there is no such supergroup; UNAVAILABLE
   */
  membership(userId: string, supergroupId: string): Promise<MemberRow> {
    return this.membershipWhere(userId, supergroupId, () => true);
  }

  /** The membership: as known a moment ago when that is `enough`, else as it is now. @throws AppError NOT_A_MEMBER, UNAVAILABLE */
  async membershipWhere(userId: string, supergroupId: string, enough: (member: MemberRow) => boolean): Promise<MemberRow> {
    const fresh = this.known(userId, supergroupId);
    if (fresh && enough(fresh)) return fresh;
    const key = { conversationId: supergroupId, userId };
    const last = this.#members.get(keyOf(key));
    let member: MemberRow | undefined;
    try {
      member = await this.#loads.get(key);
    } catch (error) {
      if (!last) throw error;
      return last.member;
    }
    if (!member) throw new AppError("NOT_A_MEMBER");
    return member;
  }

  forget(supergroupId: string, userIds: readonly string[]): void {
    for (const userId of userIds) this.#members.delete(keyOf({ conversationId: supergroupId, userId }));
  }
}
