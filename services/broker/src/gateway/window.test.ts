import fc from "fast-check";
import { expect, test } from "vitest";
import { GIVE_UP_MS, REDELIVERY_MS, WINDOW, Window } from "./window.js";

const begun = (pts: number): Window => {
  const window = new Window();
  window.begin(pts);
  return window;
};

test("updates are sent in order, doubles dropped, early ones held", () => {
  const window = begun(41);
  expect(window.judge(41)).toBe("drop");
  expect(window.judge(43)).toBe("hold");
  expect(window.judge(42)).toBe("send");
  window.advance(0);
  expect(window.judge(42)).toBe("drop");
  expect(window.judge(43)).toBe("send");
  expect(window.behind).toBe(true);
});

test("a full window leaves updates in the mailbox until an ACK makes room", () => {
  const window = begun(0);
  for (let pts = 1; pts <= WINDOW; pts++) {
    expect(window.judge(pts)).toBe("send");
    window.advance(0);
  }
  expect(window.judge(WINDOW + 1)).toBe("behind");
  expect(window.ack(10, 5)).toBe(10);
  expect(window.room).toBe(10);
  expect(window.behind).toBe(true);
});

test("an ACK counts what is new, an old one nothing, one of the future is a violation", () => {
  const window = begun(5);
  window.advance(0);
  window.advance(0);
  expect(window.ack(8, 1)).toBe(-1);
  expect(window.ack(6, 1)).toBe(1);
  expect(window.ack(6, 1)).toBe(0);
  expect(window.ack(2, 1)).toBe(0);
  expect(window.ack(7, 1)).toBe(1);
  expect(window.waiting).toBe(false);
});

test("redelivery comes at 2, 5, 7 and 11 s, then the connection is given up", () => {
  const window = begun(0);
  window.advance(100);
  const asked: number[] = [];
  let gaveUp = 0;
  for (let now = 100; gaveUp === 0; now += 250) {
    const due = window.due(now);
    if (due === "again") asked.push(now - 100);
    if (due === "give up") gaveUp = now - 100;
  }
  expect(asked).toEqual(REDELIVERY_MS);
  expect(gaveUp).toBe(GIVE_UP_MS);
});

test("progress starts the schedule anew; with nothing unacknowledged nothing is due", () => {
  const window = begun(0);
  window.advance(0);
  window.advance(0);
  expect(window.due(2_000)).toBe("again");
  expect(window.ack(1, 4_000)).toBe(1);
  expect(window.due(5_900)).toBe("wait");
  expect(window.due(6_000)).toBe("again");
  window.ack(2, 6_100);
  expect(window.due(60_000)).toBe("wait");
});

test("a sweep that comes late sends again once, not once for each time it missed", () => {
  const window = begun(0);
  window.advance(0);
  expect(window.due(8_000)).toBe("again");
  expect(window.due(8_250)).toBe("wait");
  expect(window.due(11_000)).toBe("again");
});

test("whatever comes in whatever order, pts are sent rising by one and acked ≤ sent ≤ newest", () => {
  const step = fc.oneof(fc.record({ live: fc.integer({ min: 1, max: 400 }) }), fc.record({ ack: fc.integer({ min: 0, max: 400 }) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
      const window = begun(0);
      let last = 0;
      for (const one of steps) {
        if ("live" in one) {
          if (window.judge(one.live) === "send") {
            expect(one.live).toBe(last + 1);
            window.advance(0);
            last = one.live;
          }
        } else window.ack(one.ack, 0);
        expect(window.acked).toBeLessThanOrEqual(window.sent);
        expect(window.sent).toBe(last);
        expect(window.sent).toBeLessThanOrEqual(window.newest);
        expect(window.sent - window.acked).toBeLessThanOrEqual(WINDOW);
      }
    }),
  );
});
