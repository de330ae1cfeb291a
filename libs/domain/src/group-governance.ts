import type { JoinMode, MemberRole } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import type { Access, Governed } from "./access.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import type { Avatars } from "./files/index.js";
import type { Outcome } from "./groups.js";
import { isSupergroupId, newLinkCode } from "./ids.js";
import { allowed, allowedOn, type Operation } from "./permissions.js";

export interface GroupGovernanceDeps {
  readonly access: Access;
  readonly outcomes: CommandOutcomes;
  readonly avatars: Pick<Avatars, "use">;
}

/** An invite link; times in ms since 1970. */
export interface InviteLink {
  readonly link: string;
  /** 0: never. */
  readonly expiresAt: number;
  /** Times it may be used to join or to ask for it; 0: as often as wanted. */
  readonly maxUses: number;
  readonly uses: number;
}

/** What a group says of itself; what is not there stays as it is. Times in ms since 1970. */
export interface GroupChange {
  readonly title?: string | undefined;
  readonly avatar?: string | undefined;
  readonly announcement?: string | undefined;
  /** Seconds between two messages of a member; 0: no pause. */
  readonly slowModeS?: number | undefined;
  /** Only the owner and admins may send up to here; 0: not muted. */
  readonly mutedUntil?: number | undefined;
  readonly join?: JoinMode | undefined;
}

export interface MemberChange {
  readonly role?: Exclude<MemberRole, "owner"> | undefined;
  readonly mutedUntil?: number | undefined;
}

/**
 * Changes of a group by those whose part it is. All of it is refused at once where that is known, and ingest decides in
 * the end.
 *
 * Every method throws AppError NOT_A_MEMBER (also when there is no such group), GROUP_DISSOLVED, FORBIDDEN, QUEUE_FULL
 * and UNAVAILABLE; further ones are named.
 */
export class GroupGovernance {
  constructor(private readonly deps: GroupGovernanceDeps) {}

  /**
   * @throws AppError BAD_REQUEST for a group that is to be open; FILE_NOT_FOUND, FILE_TYPE_REFUSED: an avatar that is a file is
   * an image of the actor's own
   */
  async update(actorId: string, groupId: string, change: GroupChange, requestId: string): Promise<Outcome> {
    const { access, avatars } = this.deps;
    if (change.join === "open" && !isSupergroupId(groupId)) {
      throw new AppError("BAD_REQUEST", "only a supergroup can be open to everybody", { details: { field: "join" } });
    }
    if (change.avatar !== undefined) {
      await access.governed(actorId, groupId, "editProfile");
      await avatars.use(actorId, groupId, change.avatar);
    }
    return this.#run({ actorId, groupId, operation: "editProfile", requestId }, () => ({
      $case: "updateGroup",
      value: { groupId, actorId, ...absent, ...change },
    }));
  }

  /** Role or mute of a member. Only the owner gives roles; nobody changes one of the same or a higher role. @throws AppError NOT_FOUND, ADMINS_FULL */
  updateMember(actorId: string, groupId: string, userId: string, change: MemberChange, requestId: string): Promise<Outcome> {
    const others = [userId];
    return this.#run({ actorId, groupId, operation: "muteMember", requestId, others }, ({ members }) => {
      const own = members.get(actorId)?.role;
      const target = members.get(userId)?.role;
      if (change.role !== undefined && !allowed("setRole", own)) throw new AppError("FORBIDDEN");
      if (target === undefined) throw new AppError("NOT_FOUND");
      if (!allowedOn("muteMember", own, target)) throw new AppError("FORBIDDEN");
      return { $case: "updateMember", value: { groupId, actorId, userId, role: change.role, mutedUntil: change.mutedUntil } };
    });
  }

  /** Makes another member the owner; the owner stays as an admin. @throws AppError NOT_FOUND */
  transfer(actorId: string, groupId: string, userId: string, requestId: string): Promise<Outcome> {
    return this.#run({ actorId, groupId, operation: "transfer", requestId, others: [userId] }, ({ members }) => {
      if (!members.has(userId)) throw new AppError("NOT_FOUND");
      return { $case: "transferGroup", value: { groupId, actorId, userId } };
    });
  }

  /** Keeps a user out, removing who is in; or lets one be brought in again. @throws AppError PEER_NOT_FOUND */
  async ban(actorId: string, groupId: string, userId: string, banned: boolean, requestId: string): Promise<Outcome> {
    const { access } = this.deps;
    const [missing] = await access.missingUsers([userId]);
    return this.#run({ actorId, groupId, operation: "ban", requestId, others: [userId] }, ({ members }) => {
      if (!allowedOn("ban", members.get(actorId)?.role, members.get(userId)?.role)) throw new AppError("FORBIDDEN");
      if (missing !== undefined) throw new AppError("PEER_NOT_FOUND");
      return { $case: "banMember", value: { groupId, actorId, userId, banned } };
    });
  }

  /** Makes a new invite link in place of the one there is. */
  async newLink(
    actorId: string,
    groupId: string,
    { expiresAt, maxUses }: Pick<InviteLink, "expiresAt" | "maxUses">,
    requestId: string,
  ): Promise<{ link: InviteLink; outcome: Outcome }> {
    const link = newLinkCode();
    const outcome = await this.#setLink(actorId, groupId, { link, expiresAt, maxUses }, requestId);
    return { link: { link, expiresAt, maxUses, uses: 0 }, outcome };
  }

  revokeLink(actorId: string, groupId: string, requestId: string): Promise<Outcome> {
    return this.#setLink(actorId, groupId, { link: "", expiresAt: 0, maxUses: 0 }, requestId);
  }

  /** The invite link, for those who make it. @throws AppError NOT_FOUND without one */
  async link(actorId: string, groupId: string): Promise<InviteLink> {
    const { settings } = await this.deps.access.governed(actorId, groupId, "manageLink");
    if (settings.link === "") throw new AppError("NOT_FOUND");
    return { link: settings.link, expiresAt: settings.linkExpiresAt, maxUses: settings.linkMaxUses, uses: settings.linkUses };
  }

  /** Lets in who has asked, or does not. @throws AppError NOT_FOUND without a request that waits; GROUP_FULL */
  answer(actorId: string, groupId: string, userId: string, accept: boolean, requestId: string): Promise<Outcome> {
    return this.#run({ actorId, groupId, operation: "answerJoinRequests", requestId, others: [userId] }, () => ({
      $case: "answerJoinRequest",
      value: { groupId, actorId, userId, accept },
    }));
  }

  /** The group's end: readable, and nobody sends any more. */
  dissolve(actorId: string, groupId: string, requestId: string): Promise<Outcome> {
    return this.#run({ actorId, groupId, operation: "dissolve", requestId }, () => ({
      $case: "dissolveGroup",
      value: { groupId, actorId },
    }));
  }

  #setLink(
    actorId: string,
    groupId: string,
    link: { readonly link: string; readonly expiresAt: number; readonly maxUses: number },
    requestId: string,
  ): Promise<Outcome> {
    return this.#run({ actorId, groupId, operation: "manageLink", requestId }, () => ({
      $case: "setInviteLink",
      value: { groupId, actorId, ...link },
    }));
  }

  async #run(
    { actorId, groupId, operation, requestId, others = [] }: Governing,
    body: (group: Governed) => Parameters<CommandOutcomes["run"]>[2],
  ): Promise<Outcome> {
    const { access, outcomes } = this.deps;
    const group = await access.governed(actorId, groupId, operation, others);
    const outcome = await outcomes.run(groupId, requestId, body(group));
    access.forget(groupId, [actorId, ...others]);
    return outcome;
  }
}

interface Governing {
  readonly actorId: string;
  readonly groupId: string;
  readonly operation: Operation;
  readonly requestId: string;
  /** Whom it is done to. */
  readonly others?: readonly string[];
}

const absent = {
  title: undefined,
  avatar: undefined,
  announcement: undefined,
  slowModeS: undefined,
  mutedUntil: undefined,
  join: undefined,
};
