import { defaultGroupSettings, type GroupSettings, type MemberKey, type MemberRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";
import { Batcher } from "./batcher.js";
import type { RequestStore } from "./guarded-store.js";

/** How long a membership, and what a supergroup's settings say, is taken for current, ms; ingest checks again. */
const FRESH_MS = 5_000;
const MEMBERS_MAX = 100_000;
const SUPERGROUPS_MAX = 10_000;

interface Known<T> {
  readonly value: T;
  readonly loadedAt: number;
}

/** A member, and the rules of the group. */
export interface Place {
  readonly settings: GroupSettings;
  readonly member: MemberRow;
}

const keyOf = ({ conversationId, userId }: MemberKey): string => `${conversationId} ${userId}`;

/** Who is a member of a supergroup: looked up one by one, many look-ups together, never a whole supergroup. */
export class SupergroupAccess {
  readonly #members = new LRUCache<string, Known<MemberRow>>({ max: MEMBERS_MAX });
  readonly #settings = new LRUCache<string, Known<GroupSettings>>({ max: SUPERGROUPS_MAX });
  /** How often a supergroup was changed from here: what a load began to read before a change is not kept. */
  readonly #changes = new LRUCache<string, number>({ max: SUPERGROUPS_MAX });
  readonly #memberLoads: Batcher<MemberKey, MemberRow | undefined>;
  readonly #settingsLoads: Batcher<string, GroupSettings>;

  constructor(
    private readonly store: Pick<RequestStore, "supergroups" | "groups">,
    private readonly clock: Pick<Clock, "now">,
  ) {
    const limits = { maxBatch: 500, maxRunning: 2, maxWaiting: 20_000 };
    this.#memberLoads = new Batcher({
      load: async (keys) => {
        const loadedAt = clock.now();
        const changes = keys.map((key) => this.#changes.get(key.conversationId));
        const found = new Map((await store.supergroups.membersAt(keys)).map((row) => [keyOf(row), row]));
        return keys.map((key, i) => {
          const member = found.get(keyOf(key));
          if (member === undefined) this.#members.delete(keyOf(key));
          else if (changes[i] === this.#changes.get(key.conversationId)) this.#members.set(keyOf(key), { value: member, loadedAt });
          return member;
        });
      },
      ...limits,
    });
    this.#settingsLoads = new Batcher({
      load: async (ids) => {
        const loadedAt = clock.now();
        const changes = ids.map((id) => this.#changes.get(id));
        const found = new Map((await store.groups.settings(ids)).map((row) => [row.conversationId, row]));
        return ids.map((id, i) => {
          const value = found.get(id) ?? defaultGroupSettings(id);
          if (changes[i] === this.#changes.get(id)) this.#settings.set(id, { value, loadedAt });
          return value;
        });
      },
      ...limits,
    });
  }

  /** The membership, when it is known well enough without asking. */
  known(userId: string, supergroupId: string): MemberRow | undefined {
    return this.#fresh(this.#members.get(keyOf({ conversationId: supergroupId, userId })));
  }

  /** The same with the supergroup's settings. */
  knownPlace(userId: string, supergroupId: string): Place | undefined {
    const member = this.known(userId, supergroupId);
    const settings = this.#fresh(this.#settings.get(supergroupId));
    return member && settings && { member, settings };
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
    return fresh && enough(fresh) ? fresh : this.#loadMember(userId, supergroupId);
  }

  /** A member and the rules as they are known, or as they are `now`. @throws AppError NOT_A_MEMBER, UNAVAILABLE */
  async place(userId: string, supergroupId: string, now: boolean): Promise<Place> {
    const known = now ? undefined : this.knownPlace(userId, supergroupId);
    if (known) return known;
    const [member, settings] = await Promise.all([this.#loadMember(userId, supergroupId), this.#loadSettings(supergroupId)]);
    return { member, settings };
  }

  /** The rules, and those of these users who are members, as the store has them. @throws AppError UNAVAILABLE */
  async members(
    supergroupId: string,
    userIds: readonly string[],
  ): Promise<{ settings: GroupSettings; members: ReadonlyMap<string, MemberRow> }> {
    const keys = [...new Set(userIds)].map((userId) => ({ conversationId: supergroupId, userId }));
    const [rows, [settings]] = await Promise.all([this.store.supergroups.membersAt(keys), this.store.groups.settings([supergroupId])]);
    return { settings: settings ?? defaultGroupSettings(supergroupId), members: new Map(rows.map((row) => [row.userId, row])) };
  }

  /** After a change of the supergroup, and of these members of it. */
  forget(supergroupId: string, userIds: readonly string[]): void {
    this.#changes.set(supergroupId, (this.#changes.get(supergroupId) ?? 0) + 1);
    this.#settings.delete(supergroupId);
    for (const userId of userIds) this.#members.delete(keyOf({ conversationId: supergroupId, userId }));
  }

  #fresh<T>(known: Known<T> | undefined): T | undefined {
    return known && this.clock.now() - known.loadedAt < FRESH_MS ? known.value : undefined;
  }

  async #loadMember(userId: string, supergroupId: string): Promise<MemberRow> {
    const key = { conversationId: supergroupId, userId };
    const last = this.#members.get(keyOf(key));
    let member: MemberRow | undefined;
    try {
      member = await this.#memberLoads.get(key);
    } catch (error) {
      if (!last) throw error;
      return last.value;
    }
    if (!member) throw new AppError("NOT_A_MEMBER");
    return member;
  }

  async #loadSettings(supergroupId: string): Promise<GroupSettings> {
    const last = this.#settings.get(supergroupId);
    try {
      return await this.#settingsLoads.get(supergroupId);
    } catch (error) {
      if (!last) throw error;
      return last.value;
    }
  }
}
