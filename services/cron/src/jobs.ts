import { removeUnsentFiles } from "@dunlin/domain";
import type { Blobs } from "@dunlin/engines/blobs";
import type { Store } from "@dunlin/engines/store";
import type { Clock } from "@dunlin/runtime";
import type { CronConfig } from "./config.js";
import type { Schedule } from "./schedule.js";

/** Something that is done on a schedule, in slices, each of which may be repeated without harm. */
export interface Job {
  readonly name: string;
  readonly schedule: Schedule;
  /** Removes about `limit` rows. @returns how many went; 0 when there is nothing left to do. */
  readonly slice: (limit: number) => Promise<number>;
}

const DAY_MS = 86_400_000;
/** For so long devices that come back learn from the list what failed, and a repeated call what became of it. */
const SCHEDULED_KEPT_MS = 7 * DAY_MS;

export interface JobDeps {
  readonly config: CronConfig;
  readonly store: Pick<Store, "sessions" | "emailCodes" | "updates" | "groups" | "files" | "scheduled">;
  readonly blobs: Blobs;
  readonly clock: Pick<Clock, "now">;
}

export const createJobs = ({ config, store, blobs, clock }: JobDeps): Job[] => [
  {
    name: "sessions",
    schedule: config.IM_CRON_SESSIONS,
    // Kept for a day, so that a refresh token that comes late is still told from one that never was.
    slice: (limit) => store.sessions.removeEnded(clock.now() - DAY_MS, limit),
  },
  {
    name: "email-codes",
    schedule: config.IM_CRON_CODES,
    slice: (limit) => store.emailCodes.removeExpired(clock.now(), limit),
  },
  {
    name: "updates",
    schedule: config.IM_CRON_UPDATES,
    slice: (limit) => store.updates.trim(clock.now() - config.IM_UPDATES_KEEP_DAYS * DAY_MS, config.IM_UPDATES_KEEP_COUNT, limit),
  },
  {
    name: "join-requests",
    schedule: config.IM_CRON_JOIN_REQUESTS,
    slice: (limit) => store.groups.removeExpiredRequests(clock.now(), limit),
  },
  {
    name: "scheduled",
    schedule: config.IM_CRON_SCHEDULED,
    slice: (limit) => store.scheduled.removeSettled(clock.now() - SCHEDULED_KEPT_MS, limit),
  },
  {
    name: "files",
    schedule: config.IM_CRON_FILES,
    slice: (limit) => removeUnsentFiles(store, blobs, clock.now(), limit),
  },
];
