import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type ClientState, DunlinClient } from "./client.js";
import { type Answer, type Call, type FixtureServer, startFixtureServer } from "./fixture-server.js";

const quick = { attempts: 3, baseMs: 5, capMs: 1_000 };
const user = { id: "U1", account: "ann", nickname: "ann", avatar: "", bio: "", created_at: 1 };
const open: FixtureServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const setUp = async (http: (call: Call) => Answer, state?: Partial<ClientState>) => {
  const server = await startFixtureServer({ http });
  open.push(server);
  const saved: ClientState[] = [];
  const client = new DunlinClient({
    server: server.url,
    WebSocket,
    retry: quick,
    state: { device_id: "D1", user, tokens: { access: "a1", refresh: "r1", expires_at: 0 }, ...state },
    onState: (s) => saved.push(s),
  });
  return { server, client, saved };
};

const accepted = { id: "7", conversation_id: "c", created_at: 1, state: "accepted" };

test("a send is repeated under one client_msg_id after a broken connection and a 503", async () => {
  const answers: Answer[] = ["reset", [503, 503, undefined, { "retry-after": "0" }], [202, 0, accepted]];
  const { server, client } = await setUp(() => answers.shift() ?? [500, 1]);
  const sent = await client.messages.sendText("U2", "hi");
  expect(sent.id).toBe("7");
  expect(server.calls).toHaveLength(3);
  expect(new Set(server.calls.map((c) => c.body["client_msg_id"]))).toEqual(new Set([sent.client_msg_id]));
});

test("tries are bounded, and what is wrong is not repeated", async () => {
  const { server, client } = await setUp(({ body }) => (body["to"] === "U2" ? [503, 806] : [404, 803]));
  await expect(client.messages.sendText("U2", "hi")).rejects.toMatchObject({ code: 806, status: 503, retryable: true });
  expect(server.calls).toHaveLength(3);
  await expect(client.messages.sendText("U3", "hi")).rejects.toMatchObject({ code: 803, status: 404, retryable: false });
  expect(server.calls).toHaveLength(4);
});

test("Retry-After is honoured, and one beyond the limit is handed to the caller", async () => {
  const answers: Answer[] = [
    [429, 429, undefined, { "retry-after": "1" }],
    [202, 0, accepted],
    [429, 429, undefined, { "retry-after": "60" }],
  ];
  const { server, client } = await setUp(() => answers.shift() ?? [500, 1]);
  const begin = Date.now();
  await client.messages.sendText("U2", "hi");
  expect(Date.now() - begin).toBeGreaterThanOrEqual(990);
  await expect(client.messages.sendText("U2", "hi")).rejects.toMatchObject({ status: 429, retryAfterMs: 60_000 });
  expect(server.calls).toHaveLength(3);
});

test("creating a group is not repeated when the outcome is unknown", async () => {
  const { server, client } = await setUp(() => "reset");
  await expect(client.groups.create("tea", ["U2"])).rejects.toMatchObject({ code: "network" });
  expect(server.calls).toHaveLength(1);
});

test("an expired token is refreshed once for many calls, and the new tokens are saved", async () => {
  const { server, client, saved } = await setUp((call) => {
    if (call.path === "/v1/auth/refresh") return [200, 0, { user, access_token: "a2", refresh_token: "r2", expires_in: 900 }];
    return call.token === "a2" ? [200, 0, user] : [401, 707];
  });
  await Promise.all([client.users.me(), client.users.me(), client.users.me()]);
  const refreshes = server.calls.filter((c) => c.path === "/v1/auth/refresh");
  expect(refreshes.map((c) => c.body["refresh_token"])).toEqual(["r1"]);
  expect(saved.at(-1)?.tokens).toMatchObject({ access: "a2", refresh: "r2" });
});

test("a refresh that is refused ends the login", async () => {
  const { client, saved } = await setUp((call) => (call.path === "/v1/auth/refresh" ? [401, 708] : [401, 707]));
  await expect(client.users.me()).rejects.toMatchObject({ code: 708, signedOut: true });
  expect(saved.at(-1)?.tokens).toBeUndefined();
  expect(client.accessToken).toBeUndefined();
});

test("each result of a batch is its own", async () => {
  const { client } = await setUp(() => [
    200,
    0,
    {
      results: [
        { code: 0, msg: "ok", data: accepted },
        { code: 803, msg: "no such peer" },
      ],
    },
  ]);
  const payload = { msg_type: "text", text: "hi" };
  const [good, bad] = await client.messages.sendBatch([
    { to: "U2", payload },
    { to: "U3", payload },
  ]);
  expect(good).toMatchObject({ ok: true, accepted: { id: "7" } });
  expect(bad).toMatchObject({ ok: false, error: { code: 803 } });
});

test("an answer that is no envelope is an error, whatever its status says", async () => {
  const { client } = await setUp(() => [200, Number.NaN]);
  await expect(client.users.me()).rejects.toMatchObject({ status: 502 });
});
