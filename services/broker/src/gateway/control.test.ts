import type { CloseOrder } from "@dunlin/domain";
import { expect, test } from "vitest";
import { Connection } from "./connection.js";
import { matches, RecentOrders } from "./control.js";

const connection = new Connection({ userId: "U1", sessionId: "s1", deviceId: "d1", platform: "web", expiresAtS: 0 }, -1, Date.now());
const order = (change: Partial<CloseOrder>): CloseOrder => ({ kind: "close", userId: "U1", close: "KICKED", revoked: false, ...change });

test("an order means a user, and only these sessions or this device when it names them", () => {
  expect(matches(order({}), connection, 3)).toBe(true);
  expect(matches(order({ userId: "U2" }), connection, 3)).toBe(false);
  expect(matches(order({ sessionIds: ["s1", "s2"] }), connection, 3)).toBe(true);
  expect(matches(order({ sessionIds: ["s2"] }), connection, 3)).toBe(false);
  expect(matches(order({ deviceId: "d2" }), connection, 3)).toBe(false);
});

test("a newer login closes older connections of the device, never itself nor a still newer one", () => {
  const newer = new Connection({ userId: "U1", sessionId: "s1", deviceId: "d1", platform: "web", expiresAtS: 0 }, -1, Date.now());
  const replaced = order({ deviceId: "d1", exceptConnectionId: newer.idAt(5) });
  expect(matches(replaced, connection, 3)).toBe(true);
  expect(matches(replaced, newer, 5)).toBe(false);
  expect(matches(order({ deviceId: "d1", exceptConnectionId: connection.idAt(3) }), newer, 5)).toBe(false);
});

test("orders that came during a handshake are found at its end; older and forgotten ones are not", () => {
  const recent = new RecentOrders();
  recent.add(order({ sessionIds: ["s1"] }), 1_000);
  expect(recent.find(connection, 3, 900)?.close).toBe("KICKED");
  expect(recent.find(connection, 3, 1_001)).toBeUndefined();
  expect(recent.revoked("U1", "s1")).toBe(false);
  recent.add(order({ sessionIds: ["s1"], revoked: true }), 1_002);
  expect(recent.revoked("U1", "s1")).toBe(true);
  expect(recent.revoked("U1", "s2")).toBe(false);
  recent.add(order({ userId: "U9" }), 18_000);
  expect(recent.find(connection, 3, 0)).toBeUndefined();
  expect(recent.revoked("U1", "s1")).toBe(false);
});
