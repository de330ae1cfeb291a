/**
 * How one gets into a group besides being brought in: not at all, by its link, or by its link and a leader's approval. A
 * supergroup may be open: its id is enough.
 */
export type JoinMode = "invite" | "link" | "approval" | "open";

/** What a group or supergroup says of itself, besides its conversation's row. A group without a row has `defaultGroupSettings`. */
export interface GroupSettings {
  readonly conversationId: string;
  readonly announcement: string;
  /** A member may send one message in so many seconds; 0: as many as wanted. */
  readonly slowModeS: number;
  /** Only leaders may send up to here, ms; 0: not muted. */
  readonly mutedUntil: number;
  readonly join: JoinMode;
  /** The invite link's code, random and so this group's alone; "" without one. */
  readonly link: string;
  /** ms; 0: never. */
  readonly linkExpiresAt: number;
  /** 0: as often as wanted. */
  readonly linkMaxUses: number;
  readonly linkUses: number;
  /** When it was dissolved, ms; 0: it lives. */
  readonly dissolvedAt: number;
}

export const defaultGroupSettings = (conversationId: string): GroupSettings => ({
  conversationId,
  announcement: "",
  slowModeS: 0,
  mutedUntil: 0,
  join: "invite",
  link: "",
  linkExpiresAt: 0,
  linkMaxUses: 0,
  linkUses: 0,
  dissolvedAt: 0,
});

/** What a group holds against somebody who is no member: a ban, or what a member who left would take along. */
export interface Restriction {
  readonly conversationId: string;
  readonly userId: string;
  /** ms; 0: not banned. */
  readonly bannedAt: number;
  readonly bannedBy: string;
  /** Muted up to here on coming back, ms. */
  readonly mutedUntil: number;
  /** When the user's newest message in slow mode was accepted, ms. */
  readonly lastSentAt: number;
}

export interface JoinRequest {
  readonly conversationId: string;
  readonly userId: string;
  readonly message: string;
  readonly requestedAt: number;
  /** Until when it waits for its answer; of a refused one: until when the user may not ask again. */
  readonly expiresAt: number;
  readonly refused: boolean;
}

/** One user and one conversation. */
export interface UserPlace {
  readonly conversationId: string;
  readonly userId: string;
}

/** Rules of groups and supergroups. */
export interface Groups {
  /** Groups without a row of their own are missing. */
  settings(conversationIds: readonly string[]): Promise<GroupSettings[]>;
  byLink(link: string): Promise<GroupSettings | undefined>;
  restrictions(places: readonly UserPlace[]): Promise<Restriction[]>;
  /** The banned by user id, those behind `afterUserId`. */
  bans(conversationId: string, afterUserId: string, limit: number): Promise<Restriction[]>;
  /** Requests that wait at `now`, the oldest first; those behind `after`. */
  joinRequests(
    conversationId: string,
    after: { readonly requestedAt: number; readonly userId: string } | undefined,
    now: number,
    limit: number,
  ): Promise<JoinRequest[]>;
  /** How many requests wait at `now`. */
  countJoinRequests(conversationId: string, now: number): Promise<number>;
  /** Removes requests, refused ones too, that expired before `before`, at most `limit`. @returns how many. */
  removeExpiredRequests(before: number, limit: number): Promise<number>;
}
