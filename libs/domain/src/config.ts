import { type ConfigOf, option } from "@dunlin/runtime";
import type { IngestRules } from "./ingest/rule.js";

/** Settings of the rules that several services share. */
export const domainOptions = {
  IM_AUTH_KEY: option.optionalText(
    "Key that signs tokens (HS256), at least 32 bytes. Unset on embedded engines: generated in the data folder.",
    { secret: true },
  ),
  IM_ACCESS_TTL_S: option.integer("Life of an access token, seconds.", "900", 5, 86_400),
  IM_REFRESH_TTL_DAYS: option.integer("Life of a refresh token that is not used, days.", "30", 1, 3650),
  IM_JOIN_REQUEST_DAYS: option.integer("A request to join a group waits this long for its answer, days.", "7", 1, 365),
  IM_CONTACT_PAUSE_S: option.integer(
    "Who was refused as a contact may ask the same user again after this time, seconds. 0: at once.",
    "86400",
    0,
    315_360_000,
  ),
  IM_JOIN_REQUEST_PAUSE_S: option.integer(
    "Who was refused may not ask again to join that group for so long, seconds. 0: may at once.",
    "3600",
    0,
    31_536_000,
  ),
  IM_GROUP_MEMBERS_MAX: option.integer("Members a group may have.", "20", 2, 200),
  IM_EDIT_WINDOW_S: option.integer("How long after sending a message its sender may edit it, seconds. 0: never.", "172800", 0, 315_360_000),
  IM_RECALL_WINDOW_S: option.integer(
    "How long after sending a message its sender may recall it for everybody, seconds. 0: never.",
    "172800",
    0,
    315_360_000,
  ),
  IM_SUPERGROUP_MEMBERS_MAX: option.integer("Members a supergroup may have.", "200000", 2, 10_000_000),
  IM_SUPERGROUP_CATCH_UP_MAX: option.integer(
    "Entries of a supergroup's log that a client catches up one by one; who lacks more is told to load the history.",
    "5000",
    10,
    1_000_000,
  ),
} as const;

export type DomainConfig = ConfigOf<typeof domainOptions>;

/** The limits that ingest decides by. */
export const ingestRules = (config: DomainConfig): IngestRules => ({
  groupMembersMax: config.IM_GROUP_MEMBERS_MAX,
  supergroupMembersMax: config.IM_SUPERGROUP_MEMBERS_MAX,
  contactPauseMs: config.IM_CONTACT_PAUSE_S * 1_000,
  joinRequestPauseMs: config.IM_JOIN_REQUEST_PAUSE_S * 1_000,
});
