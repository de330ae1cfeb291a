import { expect, test } from "vitest";
import { PASSWORD_PARAMETERS, Passwords } from "./passwords.js";

test("a password is kept as argon2id with the stated parameters and fits only itself", async () => {
  const passwords = new Passwords();
  const kept = await passwords.hash("correct horse");
  expect(kept).toMatch(new RegExp(`^\\$argon2id\\$v=19\\$m=${PASSWORD_PARAMETERS.memoryCost},t=2,p=1\\$`));
  expect(await passwords.verify(kept, "correct horse")).toBe(true);
  expect(await passwords.verify(kept, "correct horsf")).toBe(false);
});

test("without an account nothing fits, not even the decoy's own password", async () => {
  expect(await new Passwords().verify(undefined, "no account has this")).toBe(false);
});

test("more than can wait is refused as unavailable; the rest is served", async () => {
  const passwords = new Passwords();
  const all = await Promise.allSettled(Array.from({ length: 262 }, () => passwords.verify("$argon2id$broken", "x")));
  const refused = all.filter((r) => r.status === "rejected" && (r.reason as { code?: string }).code === "UNAVAILABLE");
  expect(refused).toHaveLength(4);
});
