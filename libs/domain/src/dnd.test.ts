import fc from "fast-check";
import { expect, test } from "vitest";
import { type DndSchedule, dndOf, dndScheduleSchema, noDnd, quiet } from "./dnd.js";

const at = (text: string): number => Date.parse(text);
const open = { mutedUntil: 0 };
const by = (schedule: DndSchedule, text: string): boolean => quiet(at(text), { ...noDnd, schedule }, open, false);
const two = (n: number): string => String(n).padStart(2, "0");
const clock = (minute: number): string => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;

test("snoozed or muted until a time, not at it; mentions pass where they may", () => {
  for (const [dnd, dialog] of [
    [{ ...noDnd, snoozeUntil: 1_000 }, open],
    [noDnd, { mutedUntil: 1_000 }],
  ] as const) {
    expect([999, 1_000].map((now) => quiet(now, dnd, dialog, false))).toEqual([true, false]);
    expect(quiet(999, dnd, dialog, true)).toBe(true);
    expect(quiet(999, { ...dnd, allowMentions: true }, dialog, true)).toBe(false);
    expect(quiet(999, { ...dnd, allowMentions: true }, dialog, false)).toBe(true);
  }
});

test("a night belongs to the day on which it begins", () => {
  // 2026-11-20 is a Friday.
  const friday: DndSchedule = { from: "22:00", to: "07:00", timezone: "UTC", days: [5] };
  const times = ["20T21:59:59.999", "20T22:00", "20T23:59:59.999", "21T00:00", "21T06:59", "21T07:00", "21T22:00", "20T03:00"];
  expect(times.map((time) => by(friday, `2026-11-${time}Z`))).toEqual([false, true, true, true, true, false, false, false]);
});

test("the clock on the wall decides when it is put forward and back", () => {
  // Berlin: on Sunday 2026-03-29 01:59 is followed by 03:00; on Sunday 2026-10-25 02:59 by 02:00.
  const night: DndSchedule = { from: "02:30", to: "03:30", timezone: "Europe/Berlin", days: [7] };
  const spring = ["00:59", "01:00", "01:29", "01:30"].map((time) => by(night, `2026-03-29T${time}Z`));
  expect(spring).toEqual([false, true, true, false]);
  const autumn = ["00:29", "00:30", "00:59", "01:00", "01:29", "01:30", "02:29", "02:30"].map((time) => by(night, `2026-10-25T${time}Z`));
  expect(autumn).toEqual([false, true, true, false, false, true, true, false]);
  // The same local time all year, at another time of the world.
  const evening: DndSchedule = { from: "21:00", to: "22:00", timezone: "America/New_York", days: [1, 2, 3, 4, 5, 6, 7] };
  expect(["2026-07-02T01:30Z", "2026-07-02T02:30Z", "2026-12-02T01:30Z", "2026-12-02T02:30Z"].map((time) => by(evening, time))).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test("agrees with marking every minute of a week", () => {
  // Zones without summer time: minutes of the week are a ring.
  const zones = { UTC: 0, "Asia/Kolkata": 330, "Asia/Kathmandu": 345, "Etc/GMT+11": -660, "Pacific/Kiritimati": 840 };
  const monday = at("2026-01-05T00:00Z");
  const week = 7 * 1_440;
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_439 }),
      fc.integer({ min: 0, max: 1_439 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      fc.constantFrom(...(Object.keys(zones) as (keyof typeof zones)[])),
      fc.integer({ min: 0, max: 200 * week }),
      (from, to, days, timezone, minute) => {
        const marked = new Set<number>();
        for (const day of days) {
          const length = to > from ? to - from : to + 1_440 - from;
          for (let i = 0; i < length; i++) marked.add(((day - 1) * 1_440 + from + i) % week);
        }
        const schedule: DndSchedule = dndScheduleSchema.parse({ from: clock(from), to: clock(to), timezone, days });
        const now = monday + minute * 60_000;
        const local = (((minute + zones[timezone]) % week) + week) % week;
        expect(quiet(now, { ...noDnd, schedule }, open, false)).toBe(marked.has(local));
      },
    ),
    { numRuns: 500 },
  );
});

test("schedules that are none are refused; one that is stored all the same silences nobody", () => {
  const good = { from: "22:00", to: "07:00", timezone: "Asia/Shanghai", days: [1, 7] };
  expect(dndScheduleSchema.safeParse(good).success).toBe(true);
  for (const wrong of [
    { from: "24:00" },
    { to: "7:00" },
    { timezone: "Mars/Olympus" },
    { timezone: "+02:00" },
    { days: [] },
    { days: [0] },
    { days: [1, 1] },
    { more: 1 },
  ]) {
    expect(dndScheduleSchema.safeParse({ ...good, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
  }
  for (const schedule of ["{", "{}", "null"]) {
    expect(dndOf({ userId: "U", snoozeUntil: 7, schedule, allowMentions: true })).toEqual({
      snoozeUntil: 7,
      schedule: null,
      allowMentions: true,
    });
  }
});
