import type { MemberRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import type { Access } from "./access.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import type { Outcome } from "./groups.js";
import type { RequestStore } from "./guarded-store.js";
import { newId } from "./ids.js";
import { allowed, allowedOn } from "./permissions.js";
import type { Relations } from "./relations.js";

export interface SupergroupsDeps {
  readonly store: Pick<RequestStore, "supergroups" | "conversations" | "groups">;
  readonly access: Access;
  readonly relations: Relations;
  readonly outcomes: CommandOutcomes;
  readonly clock: Pick<Clock, "now">;
  /** Members a supergroup may have. */
  readonly membersMax: number;
}

/** Accepts changes of supergroups: what can be refused at once is, ingest decides in the end. */
export class Supergroups {
  constructor(private readonly deps: SupergroupsDeps) {}

  /** @throws AppError PEER_NOT_FOUND naming the members that do not exist, ADD_REFUSED, GROUP_FULL, QUEUE_FULL, UNAVAILABLE */
  async create(owner: string, title: string, members: readonly string[], requestId: string): Promise<{ id: string; outcome: Outcome }> {
    const { outcomes, clock, membersMax, access } = this.deps;
    const others = [...new Set(members)].filter((id) => id !== owner);
    if (others.length + 1 > membersMax) throw new AppError("GROUP_FULL", undefined, { details: { max: membersMax } });
    await this.#requireUsers(owner, others);
    const id = newId("C");
    const outcome = await outcomes.run(id, requestId, {
      $case: "createSupergroup",
      value: { supergroupId: id, ownerId: owner, title, avatar: "", members: others, createdAt: clock.now() },
    });
    access.forget(id, [owner]);
    return { id, outcome };
  }

  /**
   * Comes by oneself where it is open to everybody; who is in already stays. One that is not open answers like none.
   * @throws AppError NOT_FOUND, BANNED, GROUP_DISSOLVED, GROUP_FULL, QUEUE_FULL, UNAVAILABLE
   */
  async join(userId: string, id: string, requestId: string): Promise<Outcome> {
    const { store } = this.deps;
    const place = { conversationId: id, userId };
    const [[row], [settings], [member], [held]] = await Promise.all([
      store.conversations.get([id]),
      store.groups.settings([id]),
      store.supergroups.membersAt([place]),
      store.groups.restrictions([place]),
    ]);
    if (!row) throw new AppError("NOT_FOUND");
    if (member) return "applied";
    if (settings?.join !== "open") throw new AppError("NOT_FOUND");
    if ((settings?.dissolvedAt ?? 0) > 0) throw new AppError("GROUP_DISSOLVED");
    if ((held?.bannedAt ?? 0) > 0) throw new AppError("BANNED");
    return this.#change(id, requestId, userId, [userId]);
  }

  /**
   * Where joining needs approval, only those who give it may add.
   * @throws AppError NOT_A_MEMBER (the actor), GROUP_DISSOLVED, FORBIDDEN, PEER_NOT_FOUND, ADD_REFUSED, BANNED, GROUP_FULL, QUEUE_FULL, UNAVAILABLE
   */
  async add(actor: string, id: string, members: readonly string[], requestId: string): Promise<Outcome> {
    const { members: there, settings } = await this.deps.access.governed(actor, id, "addMembers", members);
    if (settings.join === "approval" && !allowed("answerJoinRequests", there.get(actor)?.role)) throw new AppError("FORBIDDEN");
    const added = [...new Set(members)].filter((userId) => !there.has(userId));
    if (added.length === 0) return "applied";
    await this.#requireUsers(actor, added);
    return this.#change(id, requestId, actor, added);
  }

  /**
   * Leaving (actor = user), or being removed by somebody above.
   * @throws AppError NOT_A_MEMBER (the actor), NOT_FOUND (the user is no member), FORBIDDEN, OWNER_STAYS, GROUP_DISSOLVED, QUEUE_FULL, UNAVAILABLE
   */
  async remove(actor: string, id: string, userId: string, requestId: string): Promise<Outcome> {
    const { access, outcomes } = this.deps;
    if (actor === userId) await access.membership(actor, id);
    else {
      const { members } = await access.governed(actor, id, "removeMember", [userId]);
      const target = members.get(userId);
      if (!target) throw new AppError("NOT_FOUND");
      if (!allowedOn("removeMember", members.get(actor)?.role, target.role)) throw new AppError("FORBIDDEN");
    }
    const outcome = await outcomes.run(id, requestId, { $case: "leaveSupergroup", value: { supergroupId: id, actorId: actor, userId } });
    access.forget(id, [userId]);
    return outcome;
  }

  /** Members by user id, for one of them. @throws AppError NOT_A_MEMBER, UNAVAILABLE */
  async members(userId: string, id: string, after: string, limit: number): Promise<MemberRow[]> {
    await this.deps.access.membership(userId, id);
    return this.deps.store.supergroups.members(id, after, limit);
  }

  /**
   * Lets a group go on as a supergroup under a new id.
   * @throws AppError NOT_A_MEMBER, FORBIDDEN, GROUP_UPGRADED naming the supergroup, QUEUE_FULL, UNAVAILABLE
   */
  async upgrade(actor: string, groupId: string, requestId: string): Promise<{ id: string; outcome: Outcome }> {
    const { access, outcomes } = this.deps;
    const { role } = await access.membership(actor, groupId);
    if (!allowed("upgrade", role)) throw new AppError("FORBIDDEN");
    const id = newId("C");
    const outcome = await outcomes.run(groupId, requestId, {
      $case: "upgradeGroup",
      value: { groupId, supergroupId: id, actorId: actor },
    });
    access.forget(groupId);
    return { id, outcome };
  }

  async #change(id: string, requestId: string, actor: string, members: string[]): Promise<Outcome> {
    const { access, outcomes } = this.deps;
    const outcome = await outcomes.run(id, requestId, { $case: "joinSupergroup", value: { supergroupId: id, actorId: actor, members } });
    access.forget(id, members);
    return outcome;
  }

  async #requireUsers(actor: string, ids: readonly string[]): Promise<void> {
    const missing = await this.deps.access.missingUsers(ids);
    if (missing.length > 0) throw new AppError("PEER_NOT_FOUND", undefined, { details: { user_ids: missing } });
    const refusing = await this.deps.relations.refusingToBeAdded(actor, ids);
    if (refusing.length > 0) throw new AppError("ADD_REFUSED", undefined, { details: { user_ids: refusing } });
  }
}
