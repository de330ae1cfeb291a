import type { MemberRole } from "@dunlin/engines/store";
import { expect, test } from "vitest";
import { allowed, allowedOn, type Operation, permissions } from "./permissions.js";

const roles: readonly MemberRole[] = ["owner", "admin", "member"];
const operations = Object.keys(permissions) as Operation[];

test("a higher role may do all that a lower one may, and who is no member nothing", () => {
  for (const operation of operations) {
    const may = roles.map((role) => allowed(operation, role));
    expect([operation, may]).toEqual([operation, [...may].sort().reverse()]);
    expect([operation, allowed(operation, undefined)]).toEqual([operation, false]);
    // A group without an owner's rights would be nobody's.
    expect([operation, may[0]]).toEqual([operation, true]);
  }
});

test("ownership and the group's end are the owner's alone, its settings the admins' too", () => {
  expect(operations.filter((operation) => !allowed(operation, "admin")).sort()).toEqual(["dissolve", "setRole", "transfer", "upgrade"]);
  expect(allowed("editProfile", "admin")).toBe(true);
  expect(allowed("editProfile", "member")).toBe(false);
  expect(allowed("addMembers", "member")).toBe(true);
});

test("what is done to somebody needs a role above that one's", () => {
  const table = roles.map((role) => [undefined, "member", "admin", "owner"].map((target) => allowedOn("ban", role, target as MemberRole)));
  expect(table).toEqual([
    [true, true, true, false],
    [true, true, false, false],
    [false, false, false, false],
  ]);
  expect(allowedOn("setRole", "admin", "member")).toBe(false);
  expect(allowedOn("ban", undefined, undefined)).toBe(false);
});
