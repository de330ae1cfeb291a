import { defaultGroupSettings, type GroupSettings, type MemberRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import { LRUCache } from "lru-cache";
import { Batcher } from "./batcher.js";
import { slowModeOf, writeRefusal } from "./group-rules.js";
import type { RequestStore } from "./guarded-store.js";
import { isGroupId, isSupergroupId, isUserId } from "./ids.js";
import { allowed, type Operation } from "./permissions.js";
import { type Place, SupergroupAccess } from "./supergroup-access.js";

/** How long a group's members are taken for current, ms; ingest checks again as of the message's place in the log. */
const MEMBERS_FRESH_MS = 5_000;
const USERS_MAX = 200_000;
/** Groups have at most 200 members, so this is a few tens of megabytes at the very most. */
const GROUPS_MAX = 5_000;

/** A group's rules and members as they were at some moment, members by joining time. */
export interface KnownGroup {
  readonly settings: GroupSettings;
  readonly members: ReadonlyMap<string, MemberRow>;
  readonly loadedAt: number;
  /** The supergroup it was upgraded to. */
  readonly successorId: string | undefined;
}

/** What of a group an operation on it looks at. */
export type Governed = Pick<KnownGroup, "settings" | "members">;

/** The pause that slow mode asks of somebody, and when that one's newest message was accepted; ms. */
export interface SlowMode {
  readonly pauseMs: number;
  readonly lastSentAt: number;
}

/** @throws AppError NOT_A_MEMBER, GROUP_UPGRADED naming the supergroup */
const memberOf = ({ members, successorId }: KnownGroup, userId: string): MemberRow => {
  const member = members.get(userId);
  if (!member) throw new AppError("NOT_A_MEMBER");
  if (successorId !== undefined) throw new AppError("GROUP_UPGRADED", undefined, { details: { upgraded_to: successorId } });
  return member;
};

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
  readonly #supergroups: SupergroupAccess;
  readonly #userLoads: Batcher<string, boolean>;

  constructor(
    private readonly store: Pick<RequestStore, "users" | "conversations" | "groups" | "supergroups">,
    private readonly clock: Pick<Clock, "now">,
  ) {
    this.#supergroups = new SupergroupAccess(store, clock);
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
    if (isSupergroupId(peer)) {
      return this.#supergroups.known(userId, peer) ? undefined : this.#supergroups.membership(userId, peer).then(() => undefined);
    }
    if (!isGroupId(peer)) throw new AppError("PEER_NOT_FOUND");
    const fresh = this.#fresh(peer);
    if (fresh?.members.has(userId) && fresh.successorId === undefined) return undefined;
    return this.membership(userId, peer).then(() => undefined);
  }

  /**
   * That `userId` may write to `peer` now. What slow mode asks besides is the answer: the pause between two messages, and
   * when the newest one was accepted as far as is known, ms. Undefined when known without asking.
   * @throws AppError PEER_NOT_FOUND, NOT_A_MEMBER, MUTED, GROUP_MUTED, GROUP_DISSOLVED, UNAVAILABLE
   */
  checkSend(userId: string, peer: string): Promise<SlowMode | undefined> | undefined {
    if (!isGroupId(peer) && !isSupergroupId(peer)) return this.check(userId, peer)?.then(() => undefined);
    const known = this.#knownPlace(userId, peer);
    if (
      known &&
      writeRefusal(known.settings, known.member, this.clock.now()) === undefined &&
      slowModeOf(known.settings, known.member) === 0
    ) {
      return undefined;
    }
    return this.#mayWrite(userId, peer);
  }

  async #mayWrite(userId: string, groupId: string): Promise<SlowMode | undefined> {
    let place = await this.#place(userId, groupId, false);
    const refusalNow = () => writeRefusal(place.settings, place.member, this.clock.now());
    // Who was unmuted through another process, and knows it, may write at once.
    if (refusalNow() !== undefined) place = await this.#place(userId, groupId, true);
    const refusal = refusalNow();
    if (refusal !== undefined) throw new AppError(refusal);
    const pauseMs = slowModeOf(place.settings, place.member);
    return pauseMs > 0 ? { pauseMs, lastSentAt: place.member.lastSentAt } : undefined;
  }

  /** A member and the rules, when they are known well enough without asking. */
  #knownPlace(userId: string, groupId: string): Place | undefined {
    if (isSupergroupId(groupId)) return this.#supergroups.knownPlace(userId, groupId);
    const known = this.#fresh(groupId);
    const member = known?.members.get(userId);
    return known && member && known.successorId === undefined ? { settings: known.settings, member } : undefined;
  }

  /** The same as it is known, or as it is `now`. @throws AppError NOT_A_MEMBER, GROUP_UPGRADED, UNAVAILABLE */
  async #place(userId: string, groupId: string, now: boolean): Promise<Place> {
    if (isSupergroupId(groupId)) return this.#supergroups.place(userId, groupId, now);
    if (!now) {
      const [{ settings }, member] = await this.#membershipIn(userId, groupId);
      return { settings, member };
    }
    const group = await this.#current(groupId);
    return { settings: group.settings, member: memberOf(group, userId) };
  }

  /**
   * A user's membership in a group. Nobody is refused on what was known before the call: who was added through another
   * process, and knows it, gets in at once.
   * @throws AppError NOT_A_MEMBER, also when there is no such group; GROUP_UPGRADED naming the supergroup; UNAVAILABLE
   */
  async membership(userId: string, groupId: string): Promise<MemberRow> {
    if (isSupergroupId(groupId)) return this.#supergroups.membership(userId, groupId);
    return (await this.#membershipIn(userId, groupId))[1];
  }

  async #membershipIn(userId: string, groupId: string): Promise<[KnownGroup, MemberRow]> {
    const fresh = this.#fresh(groupId);
    if (fresh?.members.has(userId)) return [fresh, memberOf(fresh, userId)];
    // Good news may come from a load that began earlier, bad news may not.
    const underWay = await this.#loading.get(groupId)?.catch(() => undefined);
    const group = underWay?.members.has(userId) ? underWay : await this.#current(groupId);
    return [group, memberOf(group, userId)];
  }

  /** A group's members by joining time as they are now, for one of them. @throws AppError NOT_A_MEMBER, UNAVAILABLE */
  async members(userId: string, groupId: string): Promise<MemberRow[]> {
    return [...(await this.group(userId, groupId)).members.values()];
  }

  /** A group as it is now, for one of its members. @throws AppError NOT_A_MEMBER, GROUP_UPGRADED, UNAVAILABLE */
  async group(userId: string, groupId: string): Promise<KnownGroup> {
    const group = await this.#current(groupId);
    memberOf(group, userId);
    return group;
  }

  /**
   * A group or supergroup as it is now, for a member who does something to it. Of a supergroup's members only the one who
   * acts and `others` are there, those of them who are in.
   * @throws AppError NOT_A_MEMBER, GROUP_UPGRADED, GROUP_DISSOLVED, FORBIDDEN, UNAVAILABLE
   */
  async governed(userId: string, groupId: string, operation: Operation, others: readonly string[] = []): Promise<Governed> {
    const group: Governed = isSupergroupId(groupId)
      ? await this.#supergroups.members(groupId, [userId, ...others])
      : await this.group(userId, groupId);
    const actor = group.members.get(userId);
    if (!actor) throw new AppError("NOT_A_MEMBER");
    if (group.settings.dissolvedAt > 0) throw new AppError("GROUP_DISSOLVED");
    if (!allowed(operation, actor.role)) throw new AppError("FORBIDDEN");
    return group;
  }

  /** A group's members: as known a moment ago when that is `enough`, else as they are now. @throws AppError UNAVAILABLE */
  async membersWhere(
    groupId: string,
    enough: (members: ReadonlyMap<string, MemberRow>) => boolean,
  ): Promise<ReadonlyMap<string, MemberRow>> {
    const known = this.#fresh(groupId)?.members;
    return known && enough(known) ? known : (await this.#current(groupId)).members;
  }

  /**
   * Whether a member's role allows something in a group or supergroup; a group that went on as a supergroup has none. Nobody is
   * refused by a role that was known before the call. @throws AppError UNAVAILABLE
   */
  async may(operation: Operation, userId: string, groupId: string): Promise<boolean> {
    if (!isSupergroupId(groupId)) {
      const may = (members: ReadonlyMap<string, MemberRow>) => allowed(operation, members.get(userId)?.role);
      return may(await this.membersWhere(groupId, may));
    }
    try {
      const { role } = await this.#supergroups.membershipWhere(userId, groupId, (member) => allowed(operation, member.role));
      return allowed(operation, role);
    } catch (error) {
      if (error instanceof AppError && error.code === "NOT_A_MEMBER") return false;
      throw error;
    }
  }

  /** Those of the users who are no members of a group or supergroup. @throws AppError UNAVAILABLE */
  async outsiders(groupId: string, userIds: readonly string[]): Promise<string[]> {
    if (!isSupergroupId(groupId)) {
      const members = await this.membersWhere(groupId, (known) => userIds.every((userId) => known.has(userId)));
      return userIds.filter((userId) => !members.has(userId));
    }
    const found = await Promise.all(
      userIds.map((userId) =>
        this.#supergroups.membership(userId, groupId).catch((error: unknown) => {
          if (error instanceof AppError && error.code === "NOT_A_MEMBER") return undefined;
          throw error;
        }),
      ),
    );
    return userIds.filter((_, i) => found[i] === undefined);
  }

  /** Those of the ids that are no user's. @throws AppError UNAVAILABLE */
  async missingUsers(ids: readonly string[]): Promise<string[]> {
    const exist = await Promise.all(ids.map((id) => this.#users.get(id) ?? this.#userLoads.get(id)));
    return ids.filter((_, i) => !exist[i]);
  }

  /** After a change of a group, or of a supergroup and these members of it. */
  forget(groupId: string, userIds: readonly string[] = []): void {
    if (isSupergroupId(groupId)) {
      this.#supergroups.forget(groupId, userIds);
      return;
    }
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
    const [rows, [settings], [group]] = await Promise.all([
      this.store.conversations.members(groupId),
      this.store.groups.settings([groupId]),
      this.store.conversations.get([groupId]),
    ]);
    const known: KnownGroup = {
      settings: settings ?? defaultGroupSettings(groupId),
      members: new Map(rows.map((row) => [row.userId, row])),
      loadedAt,
      successorId: group?.successorId,
    };
    this.#groups.set(groupId, known);
    return known;
  }
}
