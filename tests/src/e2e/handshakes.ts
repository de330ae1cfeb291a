import { Tokens } from "@dunlin/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { handshake } from "../support/handshake.js";
import { People, type Person } from "../support/person.js";
import { GOOD_ORIGIN } from "../support/settings.js";
import type { System } from "../support/system.js";

/** Every answer to a handshake, and what a client may not say afterwards. */
export const handshakeScenarios = (system: () => System): void => {
  describe("handshake", () => {
    const people = new People(system);
    let ann: Person;
    let url: string;
    let token: string;
    beforeEach(async () => {
      ann = await people.registered("ann");
      [url] = (await ann.client.updates.gateway()).urls as [string];
      token = ann.client.accessToken ?? "";
    });
    afterEach(() => people.leave());

    const codeOf = (body: string): number => (JSON.parse(body) as { code: number }).code;

    test("good: token in the query, as authorization in the query, in the header", async () => {
      expect(await handshake({ url, query: { token } })).toMatchObject({ status: 101 });
      expect(await handshake({ url, query: { authorization: token } })).toMatchObject({ status: 101 });
      expect(await handshake({ url, headers: { authorization: `Bearer ${token}` } })).toMatchObject({ status: 101 });
      expect(await handshake({ url, query: { token, pts: "0" }, headers: { origin: GOOD_ORIGIN } })).toMatchObject({ status: 101 });
    });

    test.each([
      ["no subprotocol", 400, { headers: { "sec-websocket-protocol": undefined } }],
      ["a subprotocol not spoken here", 406, { headers: { "sec-websocket-protocol": "carrier-pigeon" } }],
      ["no key", 400, { headers: { "sec-websocket-key": undefined } }],
      ["another version", 426, { headers: { "sec-websocket-version": "8" } }],
      ["another site's page", 403, { headers: { origin: "https://evil.example.org" } }],
      ["not GET", 405, { method: "POST" }],
    ] as const)("%s: %i", async (_, status, call) => {
      expect(await handshake({ url, query: { token }, ...call })).toMatchObject({ status });
    });

    test("no token: 412", async () => {
      expect(await handshake({ url })).toMatchObject({ status: 412 });
    });

    test("junk, forged and expired tokens: 401 with the code", async () => {
      const claims = { userId: ann.id, sessionId: "s", deviceId: "d", platform: "desktop" };
      const forged = await new Tokens(Buffer.alloc(48, 7), 900, { now: Date.now }).issueAccess(claims);
      const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${token.split(".")[1]}.`;
      const service = await system().tokens().issueService("tests");
      const noSession = await system().tokens().issueAccess(claims);
      for (const bad of ["junk", forged, unsigned, service, noSession]) {
        const answer = await handshake({ url, query: { token: bad } });
        expect([answer.status, codeOf(answer.body)]).toEqual([401, 706]);
      }
      const expired = await expiredToken(system(), claims);
      const answer = await handshake({ url, query: { token: expired } });
      expect([answer.status, codeOf(answer.body)]).toEqual([401, 707]);
    });

    test.each([
      ["a frame that is no JSON", "junk"],
      ["a frame that sends", '{"type":"C2C","to":"U1","payload":{}}'],
      ["an ACK of nonsense", '{"type":"ACK","pts":-1}'],
      ["an ACK from the future", '{"type":"ACK","pts":99999999}'],
      ["a binary frame", Buffer.from([1, 2, 3])],
    ])("%s closes the connection with 4400", async (_, frame) => {
      expect(await closeCode(url, token, (socket) => socket.send(frame))).toBe(4400);
    });

    test("a flood of frames closes the connection with 4429", async () => {
      const flood = (socket: WebSocket): void => {
        for (let i = 0; i < 5_000; i++) socket.send('{"type":"PING"}');
      };
      expect(await closeCode(url, token, flood)).toBe(4429);
    });
  });
};

/** A token with the right key whose time was over long ago. */
export const expiredToken = (system: System, claims: Parameters<Tokens["issueAccess"]>[0]): Promise<string> =>
  system.tokens(Date.now() - 86_400_000).issueAccess(claims);

/** Connects, does `act` after the greeting, and answers the code of the close that follows. */
const closeCode = (url: string, token: string, act: (socket: WebSocket) => void): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}?token=${token}`, "text");
    const timer = setTimeout(() => {
      socket.terminate();
      reject(new Error("the connection was not closed"));
    }, 10_000);
    socket.once("message", () => act(socket));
    socket.once("error", reject);
    socket.once("close", (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
