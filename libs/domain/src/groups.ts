import { AppError, type Clock } from "@dunlin/runtime";
import type { Access } from "./access.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import { newId } from "./ids.js";
import { allowed, allowedOn } from "./permissions.js";
import type { Relations } from "./relations.js";

export interface GroupsDeps {
  readonly access: Access;
  readonly relations: Relations;
  readonly outcomes: CommandOutcomes;
  readonly clock: Pick<Clock, "now">;
  /** Members a group may have. */
  readonly membersMax: number;
}

export type Outcome = "applied" | "accepted";

/** Accepts changes of groups: what can be refused at once is, ingest decides in the end. */
export class Groups {
  constructor(private readonly deps: GroupsDeps) {}

  /** @throws AppError PEER_NOT_FOUND naming the members that do not exist, ADD_REFUSED naming those who refuse, GROUP_FULL, QUEUE_FULL, UNAVAILABLE */
  async create(
    owner: string,
    title: string,
    members: readonly string[],
    requestId: string,
  ): Promise<{ groupId: string; outcome: Outcome }> {
    const { access, outcomes, clock, membersMax } = this.deps;
    const others = [...new Set(members)].filter((id) => id !== owner);
    if (others.length + 1 > membersMax) throw new AppError("GROUP_FULL", undefined, { details: { max: membersMax } });
    await this.#requireUsers(owner, others);
    const groupId = newId("G");
    const outcome = await outcomes.run(groupId, requestId, {
      $case: "createGroup",
      value: { groupId, ownerId: owner, title, avatar: "", members: others, createdAt: clock.now() },
    });
    access.forget(groupId);
    return { groupId, outcome };
  }

  /**
   * Where joining needs approval, only those who give it may add.
   * @throws AppError NOT_A_MEMBER, GROUP_DISSOLVED, FORBIDDEN, PEER_NOT_FOUND, ADD_REFUSED, BANNED, GROUP_FULL, QUEUE_FULL, UNAVAILABLE
   */
  async add(actor: string, groupId: string, members: readonly string[], requestId: string): Promise<Outcome> {
    const { access, outcomes, membersMax } = this.deps;
    const { members: there, settings } = await access.governed(actor, groupId, "addMembers");
    if (settings.join === "approval" && !allowed("answerJoinRequests", there.get(actor)?.role)) throw new AppError("FORBIDDEN");
    const added = [...new Set(members)].filter((id) => !there.has(id));
    if (added.length === 0) return "applied";
    if (there.size + added.length > membersMax) throw new AppError("GROUP_FULL", undefined, { details: { max: membersMax } });
    await this.#requireUsers(actor, added);
    const outcome = await outcomes.run(groupId, requestId, { $case: "addMembers", value: { groupId, actorId: actor, members: added } });
    access.forget(groupId);
    return outcome;
  }

  /**
   * Leaving (actor = user), or being removed by the owner or an admin (not an admin by an admin, never the owner).
   * @throws AppError NOT_A_MEMBER (the actor), NOT_FOUND (the user is no member), FORBIDDEN, OWNER_STAYS, GROUP_DISSOLVED, QUEUE_FULL, UNAVAILABLE
   */
  async remove(actor: string, groupId: string, userId: string, requestId: string): Promise<Outcome> {
    const { access, outcomes } = this.deps;
    const members = new Map((await access.members(actor, groupId)).map((m) => [m.userId, m.role]));
    if (actor !== userId) {
      const role = members.get(userId);
      const own = members.get(actor);
      if (!allowed("removeMember", own)) throw new AppError("FORBIDDEN");
      if (role === undefined) throw new AppError("NOT_FOUND");
      if (!allowedOn("removeMember", own, role)) throw new AppError("FORBIDDEN");
    }
    const outcome = await outcomes.run(groupId, requestId, { $case: "removeMember", value: { groupId, actorId: actor, userId } });
    access.forget(groupId);
    return outcome;
  }

  async #requireUsers(actor: string, ids: readonly string[]): Promise<void> {
    const { access, relations } = this.deps;
    const missing = await access.missingUsers(ids);
    if (missing.length > 0) throw new AppError("PEER_NOT_FOUND", undefined, { details: { user_ids: missing } });
    const refusing = await relations.refusingToBeAdded(actor, ids);
    if (refusing.length > 0) throw new AppError("ADD_REFUSED", undefined, { details: { user_ids: refusing } });
  }
}
