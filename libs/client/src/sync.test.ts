import { afterEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { type ClientState, DunlinClient } from "./client.js";
import { type Answer, type Call, type FixtureServer, startFixtureServer } from "./fixture-server.js";
import type { SyncState } from "./sync.js";

const user = { id: "U1", account: "ann", nickname: "ann", avatar: "", bio: "", created_at: 1 };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Peer {
  send(frame: Record<string, unknown>): void;
  close(code: number): void;
}

interface SetUp {
  state?: Partial<ClientState>;
  http?: (call: Call) => Answer;
  /** What the server does at the n-th connection (from 0). */
  onConnect: (peer: Peer, n: number, query: URLSearchParams) => void;
}

const hello = (pts: number, recovered = true) => ({ type: "HELLO", session: "s", pts, ping_s: 60, recovered });
const text = (pts: number) => ({ type: "C2C", pts, id: String(pts), seq: pts, from: "U2", to: "U1", payload: { msg_type: "text" } });

const setUp = async ({ state, http = () => [500, 1], onConnect }: SetUp) => {
  const acks: number[] = [];
  const connects: URLSearchParams[] = [];
  const server: FixtureServer = await startFixtureServer({
    http,
    socket: (socket, query) => {
      connects.push(query);
      socket.on("message", (data) => {
        const frame = JSON.parse(String(data)) as { type: string; pts: number };
        if (frame.type === "ACK") acks.push(frame.pts);
      });
      onConnect({ send: (f) => socket.send(JSON.stringify(f)), close: (code) => socket.close(code) }, connects.length - 1, query);
    },
  });
  closers.push(() => server.close());
  const client = new DunlinClient({
    server: server.url,
    WebSocket,
    retry: { attempts: 1, baseMs: 1, capMs: 1 },
    state: { device_id: "D1", user, tokens: { access: "a1", refresh: "r1", expires_at: 0 }, ...state },
  });
  const shown: number[] = [];
  const reloads: number[] = [];
  const states: SyncState[] = [];
  client.on("message", (m) => shown.push(Number(m.id)));
  client.on("reload", ({ pts }) => reloads.push(pts));
  client.on("state", (s) => states.push(s));
  closers.push(() => client.stop());
  client.start();
  return { server, client, acks, connects, shown, reloads, states };
};

const until = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 5 });

test("a first connection begins at the newest pts, asks to load, and acknowledges", async () => {
  const { client, acks, connects, shown, reloads } = await setUp({
    onConnect: (peer) => {
      peer.send(hello(41, false));
      peer.send(text(42));
      peer.send(text(43));
    },
  });
  await until(() => expect(acks.at(-1)).toBe(43));
  expect(shown).toEqual([42, 43]);
  expect(reloads).toEqual([41]);
  expect(connects[0]?.has("pts")).toBe(false);
  expect(connects[0]?.get("token")).toBe("a1");
  expect(client.state.pts).toBe(43);
});

test("doubles are dropped and acknowledged again", async () => {
  let again = (): void => {};
  const { acks, shown } = await setUp({
    state: { pts: 4 },
    onConnect: (peer) => {
      peer.send(hello(4));
      peer.send(text(5));
      again = () => peer.send(text(5));
    },
  });
  await until(() => expect(acks).toEqual([5]));
  again();
  await until(() => expect(acks).toEqual([5, 5]));
  expect(shown).toEqual([5]);
});

test("a hole is filled from the difference, and nothing overtakes", async () => {
  const { server, acks, shown } = await setUp({
    state: { pts: 1 },
    // Also one that has not come live yet: it is shown, but this connection is not told so.
    http: () => [200, 0, { updates: [2, 3, 4, 5, 6].map(text), pts: 6, has_more: false, too_long: false }],
    onConnect: (peer) => {
      peer.send(hello(1));
      peer.send(text(4));
      peer.send(text(5));
    },
  });
  await until(() => expect(acks.at(-1)).toBe(5));
  expect(shown).toEqual([2, 3, 4, 5, 6]);
  expect(Math.max(...acks)).toBe(5);
  expect(server.calls.find((c) => c.path === "/v1/updates")?.query.get("pts")).toBe("1");
});

test("an acknowledgement never covers a hole, and a hole that stays makes a new connection from where it stood", async () => {
  const { acks, connects, shown } = await setUp({
    state: { pts: 1 },
    onConnect: (peer, n) => {
      if (n === 0) {
        peer.send(hello(1));
        peer.send(text(2));
        peer.send(text(4));
      } else {
        peer.send(hello(2));
        peer.send(text(3));
        peer.send(text(4));
      }
    },
  });
  await until(() => expect(shown).toEqual([2, 3, 4]));
  expect(connects.map((q) => q.get("pts"))).toEqual(["1", "2"]);
  await until(() => expect(acks.at(-1)).toBe(4));
});

test.each([
  ["too long ago", hello(90, false)],
  ["a pts from the future", hello(3)],
])("reload: %s", async (_, greeting) => {
  const { shown, reloads, client } = await setUp({
    state: { pts: 10 },
    onConnect: (peer) => {
      peer.send(greeting);
      peer.send(text(greeting.pts + 1));
    },
  });
  await until(() => expect(shown).toEqual([greeting.pts + 1]));
  expect(reloads).toEqual([greeting.pts]);
  expect(client.state.pts).toBe(greeting.pts + 1);
});

test("4107 refreshes the token first and comes back at once", async () => {
  const { connects, states } = await setUp({
    state: { pts: 1 },
    http: (call) =>
      call.path === "/v1/auth/refresh" ? [200, 0, { user, access_token: "a2", refresh_token: "r2", expires_in: 900 }] : [500, 1],
    onConnect: (peer, n) => {
      peer.send(hello(1));
      if (n === 0) peer.close(4107);
    },
  });
  await until(() => expect(connects.map((q) => q.get("token"))).toEqual(["a1", "a2"]));
  await until(() => expect(states.filter((s) => s.name === "online")).toHaveLength(2));
  expect(states).toContainEqual({ name: "waiting", ms: 0, code: 4107, reason: "" });
});

test.each([4400, 4403, 4406, 4429])("%i: stays away", async (code) => {
  const { connects, states, client } = await setUp({
    onConnect: (peer) => {
      peer.send(hello(1));
      peer.close(code);
    },
  });
  await until(() => expect(states.at(-1)).toEqual({ name: "stopped", code, reason: "" }));
  await client.stop();
  expect(connects).toHaveLength(1);
});

test("a login that is over stops, without another connection", async () => {
  const { connects, states } = await setUp({
    http: () => [401, 708],
    onConnect: (peer) => {
      peer.send(hello(1));
      peer.close(4107);
    },
  });
  await until(() => expect(states.at(-1)).toMatchObject({ name: "stopped", code: 4107 }));
  expect(connects).toHaveLength(1);
});

test("DRAIN: comes back at the time asked for", async () => {
  const at: number[] = [];
  const { states } = await setUp({
    state: { pts: 1 },
    onConnect: (peer, n) => {
      at.push(Date.now());
      peer.send(hello(1));
      if (n > 0) return;
      peer.send({ type: "DRAIN", reconnect_in_ms: 300 });
      peer.close(1012);
    },
  });
  await until(() => expect(states.filter((s) => s.name === "online")).toHaveLength(2));
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(295);
});

test("offline and online again: goes on behind the last update", async () => {
  const { client, connects, shown, states, reloads } = await setUp({
    state: { pts: 1 },
    onConnect: (peer, n) => {
      peer.send(hello(n === 0 ? 1 : 2));
      for (const pts of n === 0 ? [2] : [3, 4]) peer.send(text(pts));
    },
  });
  await until(() => expect(shown).toEqual([2]));
  await client.stop();
  expect(states.at(-1)).toEqual({ name: "offline" });
  client.start();
  await until(() => expect(shown).toEqual([2, 3, 4]));
  expect(connects.map((q) => q.get("pts"))).toEqual(["1", "2"]);
  expect(reloads).toEqual([]);
});
