import type { SessionRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import { expect, test } from "vitest";
import { SessionChecks } from "./session-checks.js";

const row = (changes: Partial<SessionRow> = {}): SessionRow => ({
  id: "s",
  userId: "U1",
  deviceId: "d",
  platform: "test",
  refreshHash: "",
  createdAt: 0,
  lastUsedAt: 0,
  expiresAt: 1_000_000,
  revokedAt: null,
  ...changes,
});
const claims = { userId: "U1", sessionId: "s" };
const order = { kind: "close", userId: "U1", sessionIds: ["s"], close: "KICKED", revoked: true } as const;

const setup = (answer: () => Promise<SessionRow | undefined>) => {
  const clock = { at: 0, now: () => clock.at };
  let asked = 0;
  const checks = new SessionChecks(
    {
      get: () => {
        asked += 1;
        return answer();
      },
    },
    clock,
  );
  const check = async () => {
    await checks.check(claims);
  };
  return { clock, checks, check, asked: () => asked };
};

test("the store is asked once in thirty seconds, however many ask at once", async () => {
  const { clock, checks, check, asked } = setup(async () => row());
  await Promise.all([check(), check(), check()]);
  expect(checks.check(claims)).toBeUndefined();
  expect(asked()).toBe(1);
  clock.at = 30_000;
  await check();
  expect(asked()).toBe(2);
});

test.each([
  ["unknown", async () => undefined],
  ["revoked", async () => row({ revokedAt: 1 })],
  ["expired", async () => row({ expiresAt: 0 })],
  ["somebody else's", async () => row({ userId: "U2" })],
])("a session that is %s is refused, at once the second time", async (_what, answer) => {
  const { check, asked } = setup(answer);
  await expect(check()).rejects.toMatchObject({ code: "TOKEN_INVALID" });
  await expect(check()).rejects.toMatchObject({ code: "TOKEN_INVALID" });
  expect(asked()).toBe(1);
});

test("an order that revokes ends it at once, also while the store is being asked", async () => {
  let answer: (row: SessionRow) => void = () => undefined;
  const { clock, checks, check } = setup(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  const first = check();
  checks.apply({ ...order, revoked: false });
  checks.apply(order);
  answer(row());
  await expect(first).rejects.toMatchObject({ code: "TOKEN_INVALID" });
  clock.at = 60_000;
  await expect(check()).rejects.toMatchObject({ code: "TOKEN_INVALID" });
});

test("while the store is away the last answer counts; who was never seen waits for it", async () => {
  let away = false;
  const { clock, check } = setup(() => (away ? Promise.reject(new AppError("UNAVAILABLE")) : Promise.resolve(row())));
  await check();
  away = true;
  clock.at = 40_000;
  await check();
  const { check: unseen } = setup(() => Promise.reject(new AppError("UNAVAILABLE")));
  await expect(unseen()).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("an order without sessions ends all of the user's", async () => {
  const { checks, check } = setup(async () => row());
  await check();
  checks.apply({ kind: "close", userId: "U1", close: "KICKED", revoked: true });
  await expect(check()).rejects.toMatchObject({ code: "TOKEN_INVALID" });
});
