import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Snowflakes, Tokens } from "@dunlin/domain";
import { systemClock } from "@dunlin/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ApiFixture, envelopeOf, type TestUser } from "./fixture.js";

let api: ApiFixture;
let ann: TestUser;
let bob: TestUser;
beforeAll(async () => {
  api = await ApiFixture.open();
  [ann, bob] = [await api.register("ann"), await api.register("bob")];
});
afterAll(() => api.close());

let count = 0;
const message = (payload: unknown = { msg_type: "text", text: "x" }, extra: object = {}) => {
  count += 1;
  return { to: bob.id, client_msg_id: `m${count}`, payload, ...extra };
};
const send = (body: unknown) => api.call("POST", "/v1/messages", { token: ann.token, body });
const sendRaw = (raw: string | Uint8Array, type = "application/json", headers: Record<string, string> = {}) =>
  api.call("POST", "/v1/messages", { token: ann.token, raw, type, headers });
const get = (path: string, token = ann.token) => api.call("GET", path, { token });

describe("bodies", () => {
  test.each([
    ["truncated", (text: string) => text.slice(0, -1)],
    ["empty", () => ""],
    ["with something behind it", (text: string) => `${text}{}`],
    ["with a byte-order mark", (text: string) => `\ufeff${text}`],
    ["a duplicate key", (text: string) => text.replace('"to":', '"to":"x","to":')],
    ["__proto__", (text: string) => text.replace('"text":', '"__proto__":{},"text":')],
    ["nesting 10,000 deep", (text: string) => text.replace('"text":"x"', `"text":${"[".repeat(10_000)}${"]".repeat(10_000)}`)],
    ["a lone surrogate", (text: string) => text.replace('"x"', '"\\ud800"')],
    ["NUL", (text: string) => text.replace('"x"', '"\\u0000"')],
    ["a raw NUL", (text: string) => text.replace('"x"', '"\0"')],
    ["an unknown field", (text: string) => text.replace('"to":', '"too":1,"to":')],
    ["an unknown field further in", (text: string) => text.replace('"text":', '"bold":true,"text":')],
    ["an array", () => "[]"],
    ["null", () => "null"],
  ])("JSON that is %s is 400", async (_what, spoil) => {
    const answer = await sendRaw(spoil(JSON.stringify(message())));
    expect(answer).toMatchObject({ status: 400, code: 400 });
    expect(answer.text).not.toMatch(/\bat .*\.js|<html|Error:/);
  });

  test("bytes that are not UTF-8 are 400", async () => {
    const bytes = Buffer.from(JSON.stringify(message({ msg_type: "text", text: "\u00e9" })), "latin1");
    expect(await sendRaw(bytes)).toMatchObject({ status: 400, code: 400 });
  });

  test.each([
    ["an id as a JSON number", () => message(undefined, { to: 5 })],
    ["a message id as a JSON number", () => message(undefined, { reply_to: 123 })],
    ["a message id beyond 63 bits", () => message(undefined, { reply_to: "9223372036854775808" })],
    ["no payload", () => ({ to: bob.id, client_msg_id: "x" })],
    ["an unknown msg_type", () => message({ msg_type: "hologram" })],
    ["a text that is no text", () => message({ msg_type: "text", text: 5 })],
    ["an empty text", () => message({ msg_type: "text", text: "" })],
    ["51 mentions", () => message(undefined, { mentions: Array.from({ length: 51 }, () => bob.id) })],
    ["mentions of a number", () => message(undefined, { mentions: [5] })],
    ["a client_msg_id that is too long", () => message(undefined, { client_msg_id: "x".repeat(65) })],
    ["a client_msg_id with a space", () => message(undefined, { client_msg_id: "a b" })],
    ["a large push", () => message(undefined, { push: { body: "x".repeat(513) } })],
    ["a peer of no kind", () => message(undefined, { to: "X123" })],
    ["a peer with a path in it", () => message(undefined, { to: "U../../etc" })],
    ["oneself", () => message(undefined, { to: ann.id })],
  ])("%s is 400", async (_what, body) => {
    expect(await send(body())).toMatchObject({ status: 400, code: 400 });
  });

  test("a custom payload is the app's own", async () => {
    expect((await send(message({ msg_type: "custom", anything: [1, { goes: null }] }))).status).toBe(202);
  });

  test.each([
    ["text/plain", {}],
    ["application/x-www-form-urlencoded", {}],
    ["application/json; charset=latin1", {}],
    ["application/json; charset=utf-16", {}],
    ["application/jsonx", {}],
    ["application/json", { "content-encoding": "gzip" }],
  ])("content type %s %j is 415", async (type, headers) => {
    expect(await sendRaw(JSON.stringify(message()), type, headers)).toMatchObject({ status: 415, code: 415 });
  });

  test("no content type is 415", async () => {
    expect(await sendRaw(Buffer.from(JSON.stringify(message())), "")).toMatchObject({ status: 415 });
  });

  test.each(["application/json; charset=utf-8", 'application/json;charset="UTF-8"', "APPLICATION/JSON"])(
    "content type %s is taken",
    async (type) => {
      expect((await sendRaw(JSON.stringify(message()), type)).status).toBe(202);
    },
  );

  const payloadOf = (bytes: number, filler: string) => {
    const around = Buffer.byteLength('{"msg_type":"text","text":""}');
    const unit = Buffer.byteLength(filler);
    const text = filler.repeat(Math.floor((bytes - around) / unit)) + "x".repeat((bytes - around) % unit);
    return { msg_type: "text", text };
  };
  test.each([["x"], ["é"], ["漢"], ["🐦"]])("a payload of 16,384 bytes of %s is taken, one more is 413", async (filler) => {
    expect((await send(message(payloadOf(16_384, filler)))).status).toBe(202);
    expect(await send(message(payloadOf(16_385, filler)))).toMatchObject({ status: 413, code: 802 });
  });

  test("a body of more than 64 KiB is 413, announced or not", async () => {
    expect(await sendRaw("x".repeat(65_537))).toMatchObject({ status: 413, code: 413 });
    const head = `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = `1000\r\n${"x".repeat(4_096)}\r\n`;
    const answer = await api.raw(head + chunk.repeat(40));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(envelopeOf(answer).code).toBe(413);
  });

  test("a body where none is taken is 400, an empty object is none", async () => {
    const leave = (raw: string) =>
      api.call("POST", `/v1/groups/G${"x".repeat(14)}/leave`, { token: ann.token, raw, type: "application/json" });
    expect((await leave('{"a":1}')).status).toBe(400);
    expect((await leave("{}")).status).toBe(403);
  });
});

describe("tokens", () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = () => ({
    iss: "dunlin",
    aud: "client",
    sub: ann.id,
    sid: ann.sessionId,
    did: "phone",
    plt: "test",
    exp: Math.floor(Date.now() / 1000) + 600,
  });
  const signed = (header: object, body: object, secret: string) => {
    const text = `${part(header)}.${part(body)}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };

  test.each<[string, () => string | Promise<string>]>([
    ["is empty", () => ""],
    ["is junk", () => "abc"],
    ["is junk in three parts", () => "a.b.c"],
    ["has alg none", () => `${part({ alg: "none" })}.${part(claims())}.`],
    ["is signed by another key", () => signed({ alg: "HS256" }, claims(), "k".repeat(32))],
    ["says another algorithm", () => signed({ alg: "HS512" }, claims(), "k".repeat(32))],
    ["is for another audience", () => api.identity.tokens.issueService("api")],
    ["is a refresh token", () => ann.refresh],
    ["is changed in its body", () => ann.token.replace(/\.[^.]+\./, `.${part(claims())}.`)],
    [
      "is of a session nobody opened",
      () => api.identity.tokens.issueAccess({ userId: ann.id, sessionId: "nobody", deviceId: "phone", platform: "test" }),
    ],
    [
      "is of somebody else's session",
      () => api.identity.tokens.issueAccess({ userId: bob.id, sessionId: ann.sessionId, deviceId: "phone", platform: "test" }),
    ],
    ["is 5,000 characters long", () => "x".repeat(5_000)],
  ])("one that %s is 401 with 706", async (_what, make) => {
    expect(await get("/v1/users/me", await make())).toMatchObject({ status: 401, code: 706 });
  });

  test("none at all, or one of another scheme, is 401 with 706", async () => {
    const answer = await api.call("GET", "/v1/users/me");
    expect(answer).toMatchObject({ status: 401, code: 706 });
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(await api.call("GET", "/v1/users/me", { headers: { authorization: `Basic ${ann.token}` } })).toMatchObject({
      status: 401,
      code: 706,
    });
    expect(await api.call("GET", `/v1/users/me?token=${ann.token}`)).toMatchObject({ status: 401, code: 706 });
  });

  test("an expired one is 401 with 707", async () => {
    const past = { now: () => Date.now() - 3_600_000 };
    // The same key at an earlier time: what this process signed an hour ago.
    const tokens = new Tokens(await readFile(`${api.host.config.IM_DATA_DIR}/auth.key`), 900, past);
    const expired = await tokens.issueAccess({ userId: ann.id, sessionId: ann.sessionId, deviceId: "phone", platform: "test" });
    expect(await get("/v1/users/me", expired)).toMatchObject({ status: 401, code: 707 });
  });
});

describe("addresses", () => {
  test("an unknown path is 404, in the language asked for", async () => {
    expect(await get("/v1/nothing")).toMatchObject({ status: 404, code: 404, msg: "not found" });
    expect(await api.call("GET", "/v1/nothing", { headers: { "accept-language": "zh-CN,zh;q=0.9" } })).toMatchObject({ msg: "未找到" });
    for (const path of ["/v1/messages/", "/V1/messages", "//v1/messages", "/.env"]) {
      expect((await get(path)).status, path).toBe(404);
    }
  });

  test("a wrong method is 405 and says what is allowed", async () => {
    const answer = await api.call("PUT", "/v1/messages", { token: ann.token });
    expect(answer).toMatchObject({ status: 405, code: 405 });
    expect(answer.headers.get("allow")).toBe("POST");
    expect((await api.call("DELETE", "/v1/users/me", { token: ann.token })).headers.get("allow")).toBe("GET, HEAD, PATCH");
    expect((await api.call("OPTIONS", "/v1/dialogs")).status).toBe(405);
  });

  test.each([
    "/v1/users/%",
    "/v1/users/%ff",
    "/v1/users/%00",
    "/v1/dialogs/nobody",
    `/v1/users/U${"0".repeat(14)}`,
    "/v1/users/..%2f..%2fetc",
    "/v1/messages/1.5/readers",
    "/v1/messages/-1/readers",
    "/v1/dialogs?limit=1&limit=2",
    "/v1/dialogs?limit=0",
    "/v1/dialogs?limit=-1",
    "/v1/dialogs?limit=101",
    "/v1/dialogs?limit=99999999999999999999",
    "/v1/dialogs?limit=1e2",
    "/v1/dialogs?limit=",
    "/v1/dialogs?limit[]=1",
    "/v1/dialogs?page=1",
    "/v1/dialogs?cursor=%",
    "/v1/dialogs?cursor=-1",
    "/v1/updates",
    "/v1/updates?pts=-1",
    "/v1/updates?pts=x",
    "/v1/updates?pts=0&limit=1001",
    "/v1/users/me?x=1",
  ])("%s is 400", async (path) => {
    expect(await get(path)).toMatchObject({ status: 400, code: 400 });
  });

  test("what is wrong is named, without echoing it", async () => {
    const answer = await get("/v1/dialogs?limit=777777");
    expect(answer.data).toEqual({ issues: [{ at: "query.limit", problem: "not a whole number from 1 to 100" }] });
    expect(answer.text).not.toContain("777777");
  });

  test("a peer nobody has is 404, and so is a message of others", async () => {
    const stranger = await api.register("stranger");
    expect(await get(`/v1/dialogs/U${"x".repeat(14)}/messages`)).toMatchObject({ status: 404, code: 803 });
    expect(await get(`/v1/dialogs/${stranger.id}`)).toMatchObject({ status: 404, code: 404 });
    const sent = await api.send(ann, bob.id, "for bob only");
    const of = async (id: string) => (await get(`/v1/messages/${id}/readers`, stranger.token)).text;
    const missing = new Snowflakes(api.identity.lease, systemClock).next();
    expect(await of(sent.id)).toBe(await of(missing));
    expect((await get(`/v1/dialogs/${ann.id}/messages`, stranger.token)).data.items).toEqual([]);
  });
});

describe("what HTTP itself forbids", () => {
  const request = (head: string, body = "") =>
    api.raw(`POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\n${head}\r\n\r\n${body}`);

  test.each<[string, () => Promise<string>, number]>([
    ["both lengths", () => request("Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 400],
    ["two lengths", () => request("Content-Length: 5\r\nContent-Length: 6", "12345"), 400],
    ["a negative length", () => request("Content-Length: -5"), 400],
    ["a header of 20 KB", () => request(`X-Long: ${"x".repeat(20_000)}`), 431],
    ["a header without a colon", () => request("Nonsense"), 400],
    ["junk", () => api.raw("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"), 400],
    ["a method nobody knows", () => api.raw("BREW / HTTP/1.1\r\nHost: x\r\n\r\n"), 400],
    ["an expectation that cannot be met", () => request("Expect: 200-maybe\r\nContent-Length: 2", "{}"), 400],
    ["a tunnel", () => api.raw("CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n"), 400],
  ])("%s is refused in the envelope and the connection closed", async (_what, make, status) => {
    const answer = await make();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`));
    expect(answer.toLowerCase()).toContain("connection: close");
    expect(answer.toLowerCase()).toContain("x-request-id: ");
    expect(envelopeOf(answer)).toMatchObject({ code: status });
  });

  test("an X-Request-Id is taken when it is a plain word, and never echoed otherwise", async () => {
    const of = async (id: string) =>
      (await api.call("GET", "/v1/nothing", { headers: { "x-request-id": id } })).headers.get("x-request-id");
    expect(await of("trace-123_4.5")).toBe("trace-123_4.5");
    for (const id of ["a b", "<script>", "x".repeat(65), '{"a":1}']) expect(await of(id)).toMatch(/^[\w-]+$/);
    expect(await of("a b")).not.toBe(await of("a b"));
  });
});
