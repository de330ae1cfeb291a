import type { GroupSettings, MemberRow } from "@dunlin/engines/store";
import { allowed } from "./permissions.js";

/** Clocks of the processes that accept messages differ: two messages may seem closer to each other by so much, ms. */
export const SLOW_MODE_TOLERANCE_MS = 1_000;

export const groupLimits = {
  /** Characters. */
  title: 128,
  announcement: 2_000,
  joinMessage: 256,
  slowModeS: 86_400,
  linkUses: 100_000,
  /** Requests to be let in that may wait at a time. */
  joinRequests: 1_000,
  /** Admins of a supergroup beside its owner. */
  supergroupAdmins: 50,
} as const;

export type SendRefusal = "GROUP_DISSOLVED" | "MUTED" | "GROUP_MUTED" | "SLOW_MODE";

/** Why a member may not write in a group or supergroup at `at`, ms; undefined when the member may. */
export const writeRefusal = (settings: GroupSettings, member: MemberRow, at: number): Exclude<SendRefusal, "SLOW_MODE"> | undefined => {
  if (settings.dissolvedAt > 0) return "GROUP_DISSOLVED";
  if (member.mutedUntil > at) return "MUTED";
  return settings.mutedUntil > at && !allowed("sendWhileMuted", member.role) ? "GROUP_MUTED" : undefined;
};

/** The pause that slow mode asks of a member between two messages, ms; 0 for none. */
export const slowModeOf = (settings: GroupSettings, member: MemberRow): number =>
  allowed("sendWhileMuted", member.role) ? 0 : settings.slowModeS * 1_000;

/** Why a message accepted at `at` is not taken from a member; the last word, where `writeRefusal` and the pause meet. */
export const sendRefusal = (settings: GroupSettings, member: MemberRow, at: number): SendRefusal | undefined => {
  const refusal = writeRefusal(settings, member, at);
  if (refusal !== undefined) return refusal;
  const pause = slowModeOf(settings, member);
  return pause > 0 && at - member.lastSentAt < pause - SLOW_MODE_TOLERANCE_MS ? "SLOW_MODE" : undefined;
};
