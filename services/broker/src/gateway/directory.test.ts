import { expect, test } from "vitest";
import { Connection } from "./connection.js";
import { Directory } from "./directory.js";

const connection = (userId: string, deviceId: string): Connection =>
  new Connection({ userId, sessionId: `s-${deviceId}`, deviceId, platform: "web", expiresAtS: 0 }, -1, 1_000);

test("connections come and go, one or several of a user", () => {
  const directory = new Directory();
  const [a, b, c] = [connection("U1", "a"), connection("U1", "b"), connection("U2", "c")];
  for (const one of [a, b, c]) directory.add(one);
  expect(directory.size).toBe(3);
  expect(directory.of("U1")).toEqual([a, b]);
  expect([...directory]).toHaveLength(3);
  directory.remove(a);
  directory.remove(a);
  expect(directory.get("U1")).toBe(b);
  directory.remove(b);
  expect(directory.get("U1")).toBeUndefined();
  expect(directory.of("U1")).toEqual([]);
  expect(directory.size).toBe(1);
});

test("ids of one process sort by age, even within a millisecond and when the clock steps back", () => {
  const now = Date.now();
  const make = (at: number) =>
    new Connection({ userId: "U", sessionId: "s", deviceId: "d", platform: "web", expiresAtS: 0 }, -1, at).idAt(1023);
  const ids = [now, now, now, now - 5_000, now + 1].map(make);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test("a client may burst three seconds' worth of frames, then only its rate", () => {
  const one = connection("U1", "a");
  let taken = 0;
  while (one.spend(10, 5_000)) taken += 1;
  expect(taken).toBe(30);
  expect(one.spend(10, 5_099)).toBe(false);
  expect(one.spend(10, 5_200)).toBe(true);
});
