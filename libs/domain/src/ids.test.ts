import { describe, expect, test } from "vitest";
import {
  conversationIdOf,
  isMessageId,
  isPeerId,
  MAX_AHEAD_MS,
  newId,
  pairOf,
  SNOWFLAKE_EPOCH_MS,
  Snowflakes,
  snowflakeTime,
} from "./ids.js";

const start = SNOWFLAKE_EPOCH_MS + 1_000_000_000;

const generator = (slot: number, change: { valid?: boolean; reservedUntil?: number } = {}) => {
  const clock = { at: start, now: () => clock.at };
  const lease = { slot, valid: true, reservedUntil: start + 60_000, ...change };
  return { clock, lease, ids: new Snowflakes(lease, clock) };
};

describe("snowflakes", () => {
  test("rise and never repeat within a millisecond, beyond its 4096 too", () => {
    const { ids } = generator(5);
    let last = 0n;
    for (let i = 0; i < 20_000; i++) {
      const id = BigInt(ids.next());
      expect(id > last).toBe(true);
      last = id;
    }
  });

  test("rise when the clock steps back", () => {
    const { ids, clock } = generator(5);
    const before = BigInt(ids.next());
    clock.at -= 5_000;
    expect(BigInt(ids.next()) > before).toBe(true);
  });

  test("refuse when the clock is too far behind", () => {
    const { ids, clock } = generator(5);
    ids.next();
    clock.at -= MAX_AHEAD_MS + 1;
    expect(() => ids.next()).toThrow(/clock/);
  });

  test("refuse beyond what the slot has reserved, and without a lease", () => {
    expect(() => generator(1, { reservedUntil: start - 1 }).ids.next()).toThrow();
    expect(() => generator(1, { valid: false }).ids.next()).toThrow(/no slot/);
  });

  test("of all slots differ, 0, 1 and 1023 among them", () => {
    const ids = [0, 1, 2, 1023].map((slot) => generator(slot).ids.next());
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) {
      expect(isMessageId(id)).toBe(true);
      expect(snowflakeTime(id)).toBe(start);
    }
  });
});

describe("typed ids", () => {
  test("have their form and are not sequential", () => {
    const ids = Array.from({ length: 1_000 }, () => newId("U"));
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids) expect(isPeerId(id)).toBe(true);
  });

  test.each(["", "U", "ann", "U0OIl11111111111", "Uaaaaaaaaaaaaaaa1", "Xaaaaaaaaaaaaaa", "U1234567890123 ", "Ü1234567890123"])(
    "%j is no peer id",
    (text) => {
      expect(isPeerId(text)).toBe(false);
    },
  );

  test.each(["0", "01", "-1", "1.5", "9223372036854775808", "1e3", ""])("%j is no message id", (text) => {
    expect(isMessageId(text)).toBe(false);
  });

  test("a pair's conversation is the same from both sides", () => {
    const [a, b] = [newId("U"), newId("U")];
    expect(conversationIdOf(a, b)).toBe(conversationIdOf(b, a));
    expect(new Set(pairOf(conversationIdOf(a, b)))).toEqual(new Set([a, b]));
    expect(pairOf(newId("G"))).toBeUndefined();
    expect(pairOf(`S_${a}`)).toBeUndefined();
  });
});
