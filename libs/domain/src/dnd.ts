import type { DndRow } from "@dunlin/engines/store";
import { LRUCache } from "lru-cache";
import { z } from "zod";

/** There are some 600 zones and their aliases. */
const ZONES_MAX = 1_000;
const MINUTES_A_DAY = 1_440;
/** Monday first, as days are numbered: 1 to 7. */
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const isZone = (timeZone: string): boolean => {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return true;
  } catch {
    return false;
  }
};

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "not a time from 00:00 to 23:59");

export const dndScheduleSchema = z.strictObject({
  from: timeOfDay.meta({ description: "Local time at which it begins on each of the days" }),
  to: timeOfDay.meta({ description: "Local time at which it ends: on the next day when not after `from`" }),
  timezone: z
    .string()
    .max(64)
    .regex(/^[A-Za-z]/, "not the name of a time zone")
    .refine(isZone, "not a time zone that is known here")
    .meta({ description: "IANA name", example: "Europe/Berlin" }),
  days: z
    .array(z.int().min(1).max(7))
    .min(1)
    .max(7)
    .refine((days) => new Set(days).size === days.length, "a day stands there twice")
    .meta({ description: "Days on which it begins: 1 Monday to 7 Sunday" }),
});

/** A part of the day, by local time, on some days of the week. It belongs to the day on which it begins. */
export type DndSchedule = z.infer<typeof dndScheduleSchema>;

/** When somebody is not to be disturbed. */
export interface DndSettings {
  /** ms since 1970; 0: not snoozed. */
  readonly snoozeUntil: number;
  readonly schedule: DndSchedule | null;
  /** Whether messages that mention the user come through all the same, muted dialogs included. */
  readonly allowMentions: boolean;
}

export const noDnd: DndSettings = { snoozeUntil: 0, schedule: null, allowMentions: false };

/** The schedule that a JSON text stands for; undefined when it is none. */
export const readSchedule = (text: string): DndSchedule | undefined => {
  try {
    return dndScheduleSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};

/** A schedule that cannot be read (any more) silences nobody. */
export const dndOf = (row: DndRow | undefined): DndSettings =>
  row
    ? {
        snoozeUntil: row.snoozeUntil,
        schedule: row.schedule === null ? null : (readSchedule(row.schedule) ?? null),
        allowMentions: row.allowMentions,
      }
    : noDnd;

const formats = new LRUCache<string, Intl.DateTimeFormat>({ max: ZONES_MAX });

const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", { timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    formats.set(timeZone, format);
  }
  return format;
};

/** What the clocks on the wall show. @returns the day, 1 Monday to 7 Sunday, and the minute of the day */
const localTime = (now: number, timeZone: string): { day: number; minute: number } => {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(now)) parts[type] = value;
  return { day: WEEKDAYS.indexOf(parts.weekday ?? "") + 1, minute: Number(parts.hour) * 60 + Number(parts.minute) };
};

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** By what the clocks show: an hour that is put forward is skipped, one that is put back counts twice. */
const scheduled = (now: number, { from, to, timezone, days }: DndSchedule): boolean => {
  const { day, minute } = localTime(now, timezone);
  const begin = minuteOf(from);
  const end = minuteOf(to);
  const lastsOver = end <= begin;
  if (days.includes(day) && minute >= begin && minute < (lastsOver ? MINUTES_A_DAY : end)) return true;
  const yesterday = day === 1 ? 7 : day - 1;
  return lastsOver && days.includes(yesterday) && minute < end;
};

/**
 * Whether a message is to make no noise now: its dialog is muted, or the user is snoozed or within the schedule; unless it
 * mentions the user and mentions are let through.
 * @param now ms since 1970
 */
export const quiet = (now: number, dnd: DndSettings, dialog: { readonly mutedUntil: number }, mention: boolean): boolean => {
  if (mention && dnd.allowMentions) return false;
  if (dialog.mutedUntil > now || dnd.snoozeUntil > now) return true;
  return dnd.schedule !== null && scheduled(now, dnd.schedule);
};
