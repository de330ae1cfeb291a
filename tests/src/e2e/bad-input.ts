import { routes } from "@dunlin/api";
import { Tokens } from "@dunlin/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { People, type Person } from "../support/person.js";
import { type RawAnswer, rawRequest } from "../support/raw-request.js";
import type { System } from "../support/system.js";
import { expiredToken } from "./handshakes.js";

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const NOBODY = `U${"1".repeat(14)}`;

/** Bad HTTP input through the whole system: a status, the envelope, never a stack. */
export const badInputScenarios = (system: () => System): void => {
  describe("bad HTTP input", () => {
    const people = new People(system);
    let ann: Person;
    let bob: Person;
    beforeEach(async () => {
      [ann, bob] = await Promise.all([people.registered("ann"), people.registered("bob")]);
    });
    afterEach(() => people.leave());

    /** A send written by hand: `body` is the text, BOB in it bob's id. */
    const send = (body: string | Buffer, headers: Record<string, string> = {}): Promise<RawAnswer> =>
      rawRequest(`${ann.apiUrl}/v1/messages`, {
        method: "POST",
        body: typeof body === "string" ? body.replaceAll("BOB", bob.id) : body,
        headers: { authorization: `Bearer ${ann.client.accessToken}`, "content-type": "application/json", ...headers },
      });
    const get = (path: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
      rawRequest(`${ann.apiUrl}${path}`, { method: "GET", headers: { authorization: `Bearer ${ann.client.accessToken}`, ...headers } });

    const expectRefusal = (answer: RawAnswer, status: number, code?: number): void => {
      expect(answer.status, answer.body).toBe(status);
      const envelope = JSON.parse(answer.body) as { code: number; msg: string };
      expect(envelope.code).toBeGreaterThan(0);
      if (code !== undefined) expect(envelope.code).toBe(code);
      expect(envelope.msg).toEqual(expect.any(String));
      expect(answer.headers["x-request-id"]).toEqual(expect.any(String));
      expect(answer.body).not.toMatch(/\bat .*\.[jt]s:\d|<html/i);
    };

    const good = '"to":"BOB","client_msg_id":"bad-input-1","payload":{"msg_type":"text","text":"hi"}';

    test.each<[name: string, status: number, body: string | Buffer, headers?: Record<string, string>]>([
      ["truncated JSON", 400, `{${good}`],
      ["no JSON at all", 400, "hello"],
      ["an array", 400, "[]"],
      ["nothing", 400, ""],
      ["an unknown field", 400, `{${good},"extra":1}`],
      ["a missing field", 400, '{"to":"BOB","payload":{"msg_type":"text","text":"hi"}}'],
      ["a duplicate key", 400, `{${good},"to":"BOB"}`],
      ["__proto__", 400, `{${good},"__proto__":{"admin":true}}`],
      ["an id as a number", 400, '{"to":7340000000000000,"client_msg_id":"x","payload":{"msg_type":"text","text":"hi"}}'],
      ["a lone surrogate", 400, '{"to":"BOB","client_msg_id":"x","payload":{"msg_type":"text","text":"\\ud800"}}'],
      ["a NUL", 400, '{"to":"BOB","client_msg_id":"x\\u0000","payload":{"msg_type":"text","text":"hi"}}'],
      ["nesting 10,000 deep", 400, `{"to":"BOB","client_msg_id":"x","payload":{"msg_type":"custom","x":${nested(10_000)}}}`],
      ["bytes that are no UTF-8", 400, Buffer.concat([Buffer.from('{"to":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])],
      ["a body over 64 KiB", 413, `{${good},"pad":"${"x".repeat(70_000)}"}`],
      ["no content type", 415, `{${good}}`, { "content-type": "" }],
      ["another content type", 415, `{${good}}`, { "content-type": "text/plain" }],
      ["another charset", 415, `{${good}}`, { "content-type": "application/json; charset=utf-7" }],
      ["an unknown encoding", 415, `{${good}}`, { "content-encoding": "carrier-pigeon" }],
    ])("%s: %i", async (_, status, body, headers) => {
      expectRefusal(await send(body, headers), status);
    });

    test("a payload of 16,384 bytes is taken, one more is not; bytes count, not characters", async () => {
      const overhead = Buffer.byteLength('{"msg_type":"text","text":""}');
      const euros = Math.floor((16_384 - overhead) / 3);
      const fits = "€".repeat(euros) + "x".repeat(16_384 - overhead - 3 * euros);
      expect((await ann.client.messages.sendText(bob.id, fits)).state).toBe("accepted");
      await expect(ann.client.messages.sendText(bob.id, `${fits}x`)).rejects.toMatchObject({ status: 413, code: 802 });
    });

    test("tokens: none, junk, forged, alg none, wrong audience, expired", async () => {
      const claims = { userId: ann.id, sessionId: "s", deviceId: "d", platform: "desktop" };
      const payload = ann.client.accessToken?.split(".")[1];
      const forged = await new Tokens(Buffer.alloc(48, 7), 900, { now: Date.now }).issueAccess(claims);
      const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
      const service = await system().tokens().issueService("tests");
      for (const bad of ["junk", forged, unsigned, service]) {
        expectRefusal(await get("/v1/users/me", { authorization: `Bearer ${bad}` }), 401, 706);
      }
      expectRefusal(await get("/v1/users/me", { authorization: "" }), 401, 706);
      const expired = await expiredToken(system(), claims);
      expectRefusal(await get("/v1/users/me", { authorization: `Bearer ${expired}` }), 401, 707);
    });

    test("queries: twice, huge, negative, foreign", async () => {
      for (const query of [
        "/v1/updates?pts=1&pts=2",
        "/v1/updates",
        "/v1/updates?pts=-1",
        "/v1/updates?pts=1.5",
        "/v1/updates?pts=0&limit=1000000",
        "/v1/dialogs?limit=0",
        "/v1/dialogs?limit=100000",
        "/v1/dialogs?cursor=junk",
        "/v1/dialogs?nonsense=1",
        "/v1/dialogs/not-a-peer",
      ]) {
        expectRefusal(await get(query), 400);
      }
    });

    test("no operation takes a query that it does not know, nor what is no id in its path", async () => {
      for (const { method, path } of routes) {
        const url = `${ann.apiUrl}${path.replaceAll(/\{\w+\}/g, "x")}?nonsense=1`;
        const headers = { authorization: `Bearer ${ann.client.accessToken}` };
        expectRefusal(await rawRequest(url, { method: method.toUpperCase(), headers }), 400, 400);
      }
    });

    test("what is not one's own, not there, or not a way in", async () => {
      expectRefusal(await get(`/v1/users/${NOBODY}`), 404);
      expectRefusal(await get("/v1/nowhere"), 404);
      const refuses = (work: Promise<unknown>, status: number, code: number) => expect(work).rejects.toMatchObject({ status, code });
      await refuses(ann.client.blocks.remove(NOBODY), 404, 803);
      await refuses(ann.client.contacts.remove(ann.id), 404, 404);
      await refuses(ann.client.groups.joinSupergroup(`C${"1".repeat(14)}`), 404, 404);
      await expect(ann.client.messages.sendText(NOBODY, "hi")).rejects.toMatchObject({ status: 404, code: 803 });
      const cem = await people.registered("cem");
      const group = await bob.client.groups.create("private", [cem.id]);
      for (const path of [`/v1/groups/${group.id}/members`, `/v1/dialogs/${group.id}/messages`, `/v1/dialogs/${group.id}`]) {
        expect([403, 404]).toContain((await get(path)).status);
      }
      await expect(ann.client.messages.sendText(group.id, "hi")).rejects.toMatchObject({ status: 403, code: 804 });
      const wrongMethod = await rawRequest(`${ann.apiUrl}/v1/messages`, {
        method: "PUT",
        headers: { authorization: `Bearer ${ann.client.accessToken}` },
      });
      expect([404, 405]).toContain(wrongMethod.status);
    });

    test("a group that is too large", async () => {
      const one = bob.id;
      const crowd = Array.from({ length: 20 }, (_, i) => `U${String.fromCharCode(65 + (i % 8)).repeat(14)}`);
      await expect(ann.client.groups.create("crowd", [one, ...crowd])).rejects.toMatchObject({ retryable: false });
    });

    test("20 KB of headers: 431; both CL and TE: 400 or closed", async () => {
      expect((await get("/v1/users/me", { "x-long": "x".repeat(20_000) })).status).toBe(431);
      const both = await send(`{${good}}`, { "transfer-encoding": "chunked", "content-length": "5" }).catch(() => undefined);
      expect([undefined, 400]).toContain(both?.status);
    });

    test("accounts and passwords", async () => {
      const open = (path: string, body: unknown): Promise<Response> => ann.call("POST", `/v1/auth/${path}`, body);
      const device = { device_id: ann.client.deviceId, platform: "desktop" };
      const taken = await open("register", { account: ann.account, password: "a long password", ...device });
      expect([taken.status, ((await taken.json()) as { code: number }).code]).toEqual([409, 702]);
      for (const account of [ann.account, "nobody-at-all"]) {
        const wrong = await open("login", { account, password: "a wrong password", ...device });
        expect([wrong.status, ((await wrong.json()) as { code: number }).code]).toEqual([401, 701]);
      }
      for (const account of ["", "a b", "x".repeat(200), "a\u0000b"]) {
        expect((await open("register", { account, password: "a long password", ...device })).status).toBe(400);
      }
    });
  });
};
