import type { MemberRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";
import { Batcher } from "./batcher.js";
import type { RequestStore } from "./guarded-store.js";
import { isGroupId, isUserId } from "./ids.js";

/** How long a group's members are taken for current, ms; ingest checks again as of the message's place in the log. */
const MEMBERS_FRESH_MS = 5_000;
const USERS_MAX = 200_000;
/** Groups have at most 200 members, so this is a few tens of megabytes at the very most. */
const GROUPS_MAX = 5_000;

interface KnownGroup {
  readonly members: ReadonlyMap<string, MemberRow>;
  readonly loadedAt: number;
}

/**
 * Who may talk to whom, from bounded caches. While the store is away, what was known last still counts: a send is
 * checked once more by ingest.
 */
export class Access {
  readonly #users = new LRUCache<string, true>({ max: USERS_MAX });
  readonly #groups = new LRUCache<string, KnownGroup>({ max: GROUPS_MAX });
  readonly #loading = new Map<string, Promise<KnownGroup>>();
  /** Loads that begin when the one under way has ended, for those who came after it began. */
  readonly #following = new Map<string, Promise<KnownGroup>>();
  readonly #userLoads: Batcher<string, boolean>;

  constructor(
    private readonly store: Pick<RequestStore, "users" | "conversations">,
    private readonly clock: Pick<Clock, "now">,
  ) {
    this.#userLoads = new Batcher({
      load: async (ids) => {
        const found = new Set((await store.users.get([...new Set(ids)])).map((row) => row.id));
        for (const id of found) this.#users.set(id, true);
        return ids.map((id) => found.has(id));
      },
      maxBatch: 500,
      maxRunning: 2,
      maxWaiting: 10_000,
    });
  }

  /**
   * That `userId` may read and write with `peer`: a user that exists, or a group with this member. A group that does not
   * exist answers like one without this member. Undefined when known without asking.
   * @throws AppError PEER_NOT_FOUND, NOT_A_MEMBER, UNAVAILABLE
   */
  check(userId: string, peer: string): Promise<void> | undefined {
    if (this.#users.get(peer)) return undefined;
    if (isUserId(peer)) return this.#requireUser(peer);
    if (!isGroupId(peer)) throw new AppError("PEER_NOT_FOUND");
    if (this.#fresh(peer)?.members.has(userId)) return undefined;
    return this.membership(userId, peer).then(() => undefined);
  }

  /**
   * A user's membership in a group. Nobody is refused on what was known before the call: who was added through another
   * process, and knows it, gets in at once.
   * @throws AppError NOT_A_MEMBER, also when there is no such group; UNAVAILABLE
   */
  async membership(userId: string, groupId: string): Promise<MemberRow> {
    const known = this.#fresh(groupId)?.members.get(userId);
    if (known) return known;
    // Good news may come from a load that began earlier, bad news may not.
    const underWay = await this.#loading.get(groupId)?.catch(() => undefined);
    const member = underWay?.members.get(userId) ?? (await this.#current(groupId)).members.get(userId);
    if (!member) throw new AppError("NOT_A_MEMBER");
    return member;
  }

  /** A group's members by joining time as they are now, for one of them. @throws AppError NOT_A_MEMBER, UNAVAILABLE */
  async members(userId: string, groupId: string): Promise<MemberRow[]> {
    const { members } = await this.#current(groupId);
    if (!members.has(userId)) throw new AppError("NOT_A_MEMBER");
    return [...members.values()];
  }

  /** Those of the ids that are no user's. @throws AppError UNAVAILABLE */
  async missingUsers(ids: readonly string[]): Promise<string[]> {
    const exist = await Promise.all(ids.map((id) => this.#users.get(id) ?? this.#userLoads.get(id)));
    return ids.filter((_, i) => !exist[i]);
  }

  /** Forgets a group's members after a change. */
  forgetGroup(groupId: string): void {
    this.#groups.delete(groupId);
    this.#loading.delete(groupId);
  }

  async #requireUser(id: string): Promise<void> {
    if (!(await this.#userLoads.get(id))) throw new AppError("PEER_NOT_FOUND");
  }

  #fresh(groupId: string): KnownGroup | undefined {
    const known = this.#groups.get(groupId);
    return known && this.clock.now() - known.loadedAt < MEMBERS_FRESH_MS ? known : undefined;
  }

  /** The members as the store has them at some moment after this call; as known last while the store is away. */
  async #current(groupId: string): Promise<KnownGroup> {
    try {
      return await this.#loadFrom(groupId);
    } catch (error) {
      const known = this.#groups.get(groupId);
      if (!known) throw error;
      return known;
    }
  }

  /** One load of a group at a time, and one to follow it that all who come meanwhile share. */
  #loadFrom(groupId: string): Promise<KnownGroup> {
    const underWay = this.#loading.get(groupId);
    if (underWay === undefined) {
      const loading = this.#load(groupId).finally(() => {
        if (this.#loading.get(groupId) === loading) this.#loading.delete(groupId);
      });
      this.#loading.set(groupId, loading);
      return loading;
    }
    let following = this.#following.get(groupId);
    if (following === undefined) {
      const next = (): Promise<KnownGroup> => {
        this.#following.delete(groupId);
        return this.#loadFrom(groupId);
      };
      following = underWay.then(next, next);
      this.#following.set(groupId, following);
    }
    return following;
  }

  async #load(groupId: string): Promise<KnownGroup> {
    const loadedAt = this.clock.now();
    const rows = await this.store.conversations.members(groupId);
    const known: KnownGroup = { members: new Map(rows.map((row) => [row.userId, row])), loadedAt };
    this.#groups.set(groupId, known);
    return known;
  }
}
