import { afterEach, expect, test } from "vitest";
import { Inbox } from "../support/inbox.js";
import { type Answer, ApiFixture, eventually } from "./fixture.js";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const open = async (env: Record<string, string> = {}, clock?: { now(): number; monotonic(): number }) => {
  const inbox = await Inbox.open();
  closing.push(() => inbox.close());
  const api = await ApiFixture.open({
    env: { IM_SMTP_URL: inbox.url, IM_SMTP_FROM: "Chat <chat@example.org>", ...env },
    ...(clock ? { clock } : {}),
  });
  closing.push(() => api.close());
  let accounts = 0;
  const ask = (email: string, purpose = "register", language = "en"): Promise<Answer> =>
    api.call("POST", "/v1/auth/email-codes", { body: { email, purpose }, headers: { "accept-language": language } });
  const register = (email?: string, code?: string): Promise<Answer> => {
    accounts += 1;
    const proof = { ...(email === undefined ? {} : { email }), ...(code === undefined ? {} : { code }) };
    const account = `ann${accounts}`;
    return api.call("POST", "/v1/auth/register", {
      body: { account, password: "long enough", device_id: "d", platform: "test", ...proof },
    });
  };
  const reset = (email: string, code: string): Promise<Answer> =>
    api.call("POST", "/v1/auth/reset-password", { body: { email, code, password: "another password" } });
  const registered = async (email: string): Promise<void> => {
    expect((await ask(email)).status).toBe(202);
    expect((await register(email, await inbox.codeTo(email))).status).toBe(201);
  };
  return { inbox, api, ask, register, reset, registered };
};

const other = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, "0");

test("a code comes by e-mail, in the language asked for, and is good once", async () => {
  const { inbox, ask, register, reset, registered } = await open();
  expect(await ask("ann@example.org")).toMatchObject({ status: 202, data: { expires_in: 600 } });
  const mail = await inbox.mailTo("ann@example.org");
  expect(mail).toMatchObject({ from: "chat@example.org" });
  expect(mail.head).toContain("From: Chat <chat@example.org>");
  expect(mail.text).toContain("It is good once, for 10 minutes.");
  const code = await inbox.codeTo("ann@example.org");
  // A code for one purpose or address is none for another.
  expect(await reset("ann@example.org", code)).toMatchObject({ status: 400, code: 880 });
  expect(await register("bob@example.org", code)).toMatchObject({ status: 400, code: 880 });
  expect((await register("ANN@example.org", code)).status).toBe(201);
  expect(await register("ann@example.org", code)).toMatchObject({ status: 400, code: 880 });
  await registered("cem@example.org");
  await ask("cem@example.org", "reset", "zh-CN");
  expect((await inbox.mailTo("cem@example.org", 2)).text).toContain("10 分钟内有效");
});

test("nobody learns from the answers which addresses exist; their owners do, from the e-mail", async () => {
  const { inbox, ask, register, reset, registered } = await open();
  await registered("ann@example.org");
  const [known, unknown] = [await ask("ann@example.org", "reset"), await ask("nobody@example.org", "reset")];
  const body = ({ status, text }: Answer) => ({ status, text });
  expect(body(known)).toEqual(body(unknown));
  expect(body(await reset("ann@example.org", other(await inbox.codeTo("ann@example.org", 2))))).toEqual(
    body(await reset("nobody@example.org", "123456")),
  );
  expect(body(await ask("ann@example.org"))).toEqual(body(await ask("new@example.org")));
  expect((await inbox.mailTo("ann@example.org", 3)).text).toContain("has an account already");
  await inbox.mailTo("new@example.org");
  expect(await register("ann@example.org", "123456")).toMatchObject({ status: 400, code: 880 });
  expect(inbox.mails.filter((mail) => mail.to === "nobody@example.org")).toEqual([]);
});

test("five wrong tries end a code; a name that is taken does not", async () => {
  const { inbox, api, ask, register, reset, registered } = await open();
  await registered("ann@example.org");
  await ask("ann@example.org", "reset");
  const code = await inbox.codeTo("ann@example.org", 2);
  for (let i = 0; i < 5; i++) expect((await reset("ann@example.org", other(code))).status).toBe(400);
  expect((await reset("ann@example.org", code)).status).toBe(400);
  await ask("bob@example.org");
  const bobs = await inbox.codeTo("bob@example.org");
  const taken = { account: "ann1", password: "long enough", device_id: "d", platform: "test", email: "bob@example.org", code: bobs };
  expect(await api.call("POST", "/v1/auth/register", { body: taken })).toMatchObject({ status: 409, code: 702 });
  expect((await register("bob@example.org", bobs)).status).toBe(201);
});

test("a code is good for ten minutes", async () => {
  let ahead = 0;
  const { inbox, ask, register } = await open({}, { now: () => Date.now() + ahead, monotonic: () => performance.now() });
  await ask("ann@example.org");
  const code = await inbox.codeTo("ann@example.org");
  ahead = 10 * 60_000;
  expect((await register("ann@example.org", code)).status).toBe(400);
});

test("codes are throttled by e-mail address and by IP, alike for those who exist and those who do not", async () => {
  const { ask, registered } = await open({ IM_RATE_CODES_EMAIL_PER_HOUR: "3", IM_RATE_CODES_PER_HOUR: "8" });
  await registered("ann@example.org");
  for (const email of ["ann@example.org", "nobody@example.org"]) {
    const statuses = await Promise.all([ask(email, "reset"), ask(email, "reset"), ask(email, "reset")]);
    expect(statuses.filter(({ status }) => status === 202)).toHaveLength(email === "ann@example.org" ? 2 : 3);
  }
  expect((await ask("bob@example.org")).status).toBe(202);
  const refused = await ask("cem@example.org");
  expect(refused).toMatchObject({ status: 429, code: 429 });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(1_000);
});

test("with IM_EMAIL_REQUIRED nobody registers without an address", async () => {
  const { register, registered, ask } = await open({ IM_EMAIL_REQUIRED: "true" });
  expect(await register()).toMatchObject({ status: 400, code: 881 });
  expect(await register("ann@example.org")).toMatchObject({ status: 400, code: 400 });
  await registered("ann@example.org");
  for (const email of ["ann", "ann@", "a nn@example.org", "ann@example.org\r\nBcc: bob@example.org", "<ann@example.org>", "a@b"]) {
    expect((await ask(email)).status, email).toBe(400);
  }
});

test("a mail server that is busy is tried again", async () => {
  const { inbox, ask } = await open();
  inbox.busy = 1;
  await ask("ann@example.org");
  await inbox.codeTo("ann@example.org");
});

test("without a mail server the e-mail is in the log and says so; the log of one that is away holds no code", async () => {
  const api = await ApiFixture.open({});
  closing.push(() => api.close());
  const body = { email: "ann@example.org", purpose: "register" };
  expect((await api.call("POST", "/v1/auth/email-codes", { body })).status).toBe(202);
  const line = await eventually(async () => api.log.find((entry) => entry.includes("E-MAIL NOT SENT")));
  expect(line).toMatch(/Your code to register is: \d{6}/);
  const away = await open({ IM_SMTP_URL: "smtp://127.0.0.1:1" });
  expect((await away.ask("ann@example.org")).status).toBe(202);
  await eventually(async () => away.api.log.find((entry) => entry.includes("an e-mail was given up")));
  expect(away.api.log.filter((entry) => /\b\d{6}\b/.test(entry) && entry.includes("code to"))).toEqual([]);
});
