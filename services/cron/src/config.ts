import { type ConfigOf, type Option, option } from "@dunlin/runtime";
import { z } from "zod";
import { Schedule } from "./schedule.js";

const schedule = (help: string, fallback: string): Option<Schedule> => ({
  schema: z.string().transform((pattern, context) => {
    try {
      return new Schedule(pattern);
    } catch (error) {
      context.addIssue(error instanceof Error ? error.message : String(error));
      return z.NEVER;
    }
  }) as unknown as z.ZodType<Schedule, string | undefined>,
  allowed: "a cron pattern of 5 fields (6 with seconds first), in UTC",
  help,
  fallback,
});

export const cronOptions = {
  IM_CRON_SESSIONS: schedule("When ended sessions are removed.", "7 * * * *"),
  IM_CRON_CODES: schedule("When expired e-mail codes are removed.", "17 * * * *"),
  IM_CRON_UPDATES: schedule("When users' update logs are trimmed.", "37 * * * *"),
  IM_CRON_JOIN_REQUESTS: schedule("When expired requests to join a group are removed.", "17 * * * *"),
  IM_CRON_FILES: schedule("When files that nobody sent within an hour are removed.", "*/10 * * * *"),
  IM_CRON_SCHEDULED: schedule("When scheduled messages that were sent, refused or cancelled a week ago are removed.", "47 * * * *"),
  IM_UPDATES_KEEP_DAYS: option.integer("Updates older than this are trimmed, days.", "30", 1, 3650),
  IM_UPDATES_KEEP_COUNT: option.integer("Updates a user keeps at most.", "100000", 100, 100_000_000),
  IM_SEARCH_SHARE: option.integer(
    "How much of its time the search indexer may work, percent; the rest it leaves the store to others.",
    "50",
    1,
    100,
  ),
  IM_CRON_ROWS_MAX: option.integer("Rows a run removes at most; the next one goes on.", "1000000", 1, 1_000_000_000),
} as const;

export type CronConfig = ConfigOf<typeof cronOptions>;
