import type { GroupSettings } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import type { Access } from "./access.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import { groupLimits } from "./group-rules.js";
import type { RequestStore } from "./guarded-store.js";

export interface GroupJoiningDeps {
  readonly store: Pick<RequestStore, "groups" | "conversations">;
  readonly access: Access;
  readonly outcomes: CommandOutcomes;
  readonly clock: Pick<Clock, "now">;
  /** How long a request to be let in waits for its answer, ms. */
  readonly requestTtlMs: number;
}

/** What came of coming by a link: in, waiting for an approval, or accepted and soon one of both. */
export type JoinState = "joined" | "requested" | "accepted";

const works = ({ join, dissolvedAt, linkExpiresAt, linkMaxUses, linkUses }: GroupSettings, now: number): boolean =>
  join !== "invite" && dissolvedAt === 0 && (linkExpiresAt === 0 || linkExpiresAt > now) && (linkMaxUses === 0 || linkUses < linkMaxUses);

/** Coming into groups and supergroups by their invite links. */
export class GroupJoining {
  constructor(private readonly deps: GroupJoiningDeps) {}

  /**
   * Joins, or asks to where that needs approval; `message` is for those who decide. Who is in already stays in, who waits
   * goes on waiting.
   * @throws AppError LINK_INVALID, BANNED, GROUP_DISSOLVED, GROUP_FULL, JOIN_REQUESTS_FULL, JOIN_REFUSED, QUEUE_FULL, UNAVAILABLE
   */
  async join(userId: string, link: string, message: string, requestId: string): Promise<{ groupId: string; state: JoinState }> {
    const { store, access, outcomes, clock, requestTtlMs } = this.deps;
    const settings = await store.groups.byLink(link);
    if (!settings) throw new AppError("LINK_INVALID");
    const groupId = settings.conversationId;
    if (await this.#isMember(userId, groupId)) return { groupId, state: "joined" };
    const at = clock.now();
    if (!works(settings, at)) throw new AppError("LINK_INVALID");
    if (settings.join === "approval" && (await store.groups.countJoinRequests(groupId, at)) >= groupLimits.joinRequests) {
      throw new AppError("JOIN_REQUESTS_FULL");
    }
    const outcome = await outcomes.run(groupId, requestId, {
      $case: "joinGroup",
      value: { groupId, userId, link, message, at, expiresAt: at + requestTtlMs },
    });
    access.forget(groupId, [userId]);
    if (outcome === "accepted") return { groupId, state: "accepted" };
    return { groupId, state: (await this.#isMember(userId, groupId)) ? "joined" : "requested" };
  }

  async #isMember(userId: string, groupId: string): Promise<boolean> {
    return (await this.deps.store.conversations.memberships(userId, [groupId])).length > 0;
  }
}
