import type { SupergroupState } from "./supergroups.js";

export type ConversationKind = "user" | "group" | "supergroup" | "system";

export interface ConversationRow {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly lastSeq: number;
  readonly title: string;
  readonly avatar: string;
  readonly ownerId: string;
  readonly createdAt: number;
  /** Of two users: what they are to each other, bits that the rules give their meaning; 0 when it is not there. */
  readonly relation?: number;
  /** Given exactly for supergroups. */
  readonly supergroup?: SupergroupState;
  /** The supergroup that a group was upgraded to: the group is closed. */
  readonly successorId?: string;
}

export type MemberRole = "owner" | "admin" | "member";

export interface MemberRow {
  readonly conversationId: string;
  readonly userId: string;
  readonly role: MemberRole;
  /** The conversation's last seq when the user joined: what lies up to it is not the user's to read. */
  readonly joinedSeq: number;
  readonly joinedAt: number;
  /** May not send up to here, ms; 0: not muted. */
  readonly mutedUntil: number;
  /** created_at of the member's newest message in slow mode, ms; 0: none. */
  readonly lastSentAt: number;
}

export interface Conversations {
  get(ids: readonly string[]): Promise<ConversationRow[]>;
  /** Ordered by joinedAt, then userId. */
  members(conversationId: string): Promise<MemberRow[]>;
  /** One user's membership in many conversations. */
  memberships(userId: string, conversationIds: readonly string[]): Promise<MemberRow[]>;
}
