import fc from "fast-check";
import { expect, test } from "vitest";
import { dueRun, Schedule } from "./schedule.js";

const at = (text: string): number => Date.parse(`${text}Z`);

test("the last due time is found to the second, the due time itself included", () => {
  const hourly = new Schedule("7 * * * *");
  expect(hourly.last(at("2026-01-01T10:06:59.999"))).toBe(at("2026-01-01T09:07:00"));
  expect(hourly.last(at("2026-01-01T10:07:00"))).toBe(at("2026-01-01T10:07:00"));
  expect(hourly.last(at("2026-01-01T11:06:59"))).toBe(at("2026-01-01T10:07:00"));
  expect(hourly.next(at("2026-01-01T10:07:00"))).toBe(at("2026-01-01T11:07:00"));
});

test("rare and dense days are found too", () => {
  expect(new Schedule("0 0 29 2 *").last(at("2027-06-01T00:00:00"))).toBe(at("2024-02-29T00:00:00"));
  expect(new Schedule("* * 9 * * 1").last(at("2026-01-03T12:00:00"))).toBe(at("2025-12-29T09:59:59"));
  expect(new Schedule("30 3 31 * *").last(at("2026-03-01T00:00:00"))).toBe(at("2026-01-31T03:30:00"));
});

test("what is no pattern, or never comes, is refused", () => {
  for (const pattern of ["", "61 * * * *", "every day", "0 0 30 2 *"]) expect(() => new Schedule(pattern)).toThrow();
});

test("last and next enclose any moment, with nothing due between", () => {
  const patterns = ["* * * * * *", "*/7 * * * *", "7 * * * *", "13 3 * * *", "0 4 * * 1", "0 0 1 */3 *"].map((p) => new Schedule(p));
  const moment = fc.integer({ min: at("2025-01-01T00:00:00"), max: at("2030-01-01T00:00:00") });
  fc.assert(
    fc.property(fc.constantFrom(...patterns), moment, (schedule, now) => {
      const last = schedule.last(now);
      if (last === undefined) throw new Error("nothing was ever due");
      expect(last).toBeLessThanOrEqual(now);
      expect(schedule.next(last)).toBeGreaterThan(now);
    }),
    { numRuns: 200 },
  );
});

test("a run is due once; one missed while down is due once, the newest only; a clock that jumps doubles nothing", () => {
  const schedule = new Schedule("0 * * * *");
  const ten = at("2026-01-01T10:00:00");
  const hour = 3_600_000;
  expect(dueRun(schedule, ten + 5, ten - hour)).toBe(ten);
  expect(dueRun(schedule, ten + 5, ten)).toBeUndefined();
  expect(dueRun(schedule, ten + 5 * hour + 5, ten)).toBe(ten + 5 * hour);
  expect(dueRun(schedule, ten - 2 * hour, ten)).toBeUndefined();
  expect(dueRun(schedule, ten + 5, undefined)).toBe(ten);
});
