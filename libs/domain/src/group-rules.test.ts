import { defaultGroupSettings, type GroupSettings, type MemberRow } from "@dunlin/engines/store";
import { expect, test } from "vitest";
import { sendRefusal, slowModeOf } from "./group-rules.js";

const AT = 1_000_000;
const group = (over: Partial<GroupSettings>): GroupSettings => ({ ...defaultGroupSettings("G"), ...over });
const member = (over: Partial<MemberRow>): MemberRow => ({
  conversationId: "G",
  userId: "U",
  role: "member",
  joinedSeq: 0,
  joinedAt: 0,
  mutedUntil: 0,
  lastSentAt: 0,
  ...over,
});

test("a mute ends by itself, and muting all spares the owner and admins", () => {
  expect(sendRefusal(group({}), member({}), AT)).toBeUndefined();
  expect(sendRefusal(group({}), member({ mutedUntil: AT + 1 }), AT)).toBe("MUTED");
  expect(sendRefusal(group({}), member({ mutedUntil: AT }), AT)).toBeUndefined();
  expect(sendRefusal(group({}), member({ role: "admin", mutedUntil: AT + 1 }), AT)).toBe("MUTED");
  const muted = group({ mutedUntil: AT + 1 });
  expect([member({}), member({ role: "admin" }), member({ role: "owner" })].map((m) => sendRefusal(muted, m, AT))).toEqual([
    "GROUP_MUTED",
    undefined,
    undefined,
  ]);
  expect(sendRefusal(group({ dissolvedAt: 1 }), member({ role: "owner" }), AT)).toBe("GROUP_DISSOLVED");
});

test("slow mode counts from the newest message, lets clocks differ by a second, and spares the owner and admins", () => {
  const slow = group({ slowModeS: 10 });
  const sent = (ago: number, role: MemberRow["role"] = "member") => sendRefusal(slow, member({ role, lastSentAt: AT - ago }), AT);
  expect([sent(0), sent(8_999), sent(9_000), sent(10_000), sent(0, "admin")]).toEqual([
    "SLOW_MODE",
    "SLOW_MODE",
    undefined,
    undefined,
    undefined,
  ]);
  expect(slowModeOf(slow, member({}))).toBe(10_000);
  expect(slowModeOf(slow, member({ role: "owner" }))).toBe(0);
});
