import type { MemberRole } from "@dunlin/engines/store";

const everybody: readonly MemberRole[] = ["owner", "admin", "member"];
const leaders: readonly MemberRole[] = ["owner", "admin"];
const owner: readonly MemberRole[] = ["owner"];

/**
 * What the members of a group or a supergroup may do, by role: the one place that says so. Requests are checked against it
 * at once, ingest decides by it in the end. Who is no member may do none of this.
 */
export const permissions = {
  send: everybody,
  leave: everybody,
  addMembers: everybody,
  /** Sending while all are muted, and faster than slow mode lets others. */
  sendWhileMuted: leaders,
  /** Title, picture, announcement, slow mode, muting all, how one joins. */
  editProfile: leaders,
  removeMember: leaders,
  muteMember: leaders,
  /** Making a member an admin, and an admin a member again. */
  setRole: owner,
  ban: leaders,
  listBans: leaders,
  manageLink: leaders,
  answerJoinRequests: leaders,
  transfer: owner,
  dissolve: owner,
  /** Mentioning everybody at once. */
  mentionAll: leaders,
  /** Recalling what others have said, at any time. */
  recallMessage: leaders,
  /** Reading what an edited message said before. */
  readEdits: leaders,
  pinMessage: leaders,
  /** Going on as a supergroup. */
  upgrade: owner,
} as const satisfies Record<string, readonly MemberRole[]>;

export type Operation = keyof typeof permissions;

/** Whether a role may do something; undefined is somebody who is no member. */
export const allowed = (operation: Operation, role: MemberRole | undefined): boolean =>
  role !== undefined && permissions[operation].includes(role);

const ranks: Readonly<Record<MemberRole, number>> = { owner: 2, admin: 1, member: 0 };

/** Whether a role may do something to somebody: the role allows it, and it is above the other's. No member is below all. */
export const allowedOn = (operation: Operation, role: MemberRole | undefined, target: MemberRole | undefined): boolean =>
  role !== undefined && allowed(operation, role) && (target === undefined || ranks[role] > ranks[target]);
