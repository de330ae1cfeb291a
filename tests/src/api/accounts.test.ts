import { type CloseOrder, subscribeControl } from "@dunlin/domain";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiFixture, eventually } from "./fixture.js";

let api: ApiFixture;
/** How far apisvc's clock is ahead. */
let leapMs = 0;
const orders: CloseOrder[] = [];
beforeAll(async () => {
  api = await ApiFixture.open({ clock: { now: () => Date.now() + leapMs, monotonic: () => performance.now() } });
  await subscribeControl(api.host.engines.cache, (order) => orders.push(order));
});
afterAll(() => api.close());

const me = (token: string) => api.call("GET", "/v1/users/me", { token });
const refresh = (token: string) => api.call("POST", "/v1/auth/refresh", { body: { refresh_token: token } });

test("register, be oneself, log in elsewhere", async () => {
  const ann = await api.register("Ann");
  const { data } = await me(ann.token);
  expect(data).toMatchObject({ id: ann.id, account: ann.account.toLowerCase(), nickname: ann.account.toLowerCase(), avatar: "" });
  const again = await api.login(ann.account.toUpperCase(), "tablet");
  expect(again.id).toBe(ann.id);
  const { data: sessions } = await api.call("GET", "/v1/sessions", { token: again.token });
  expect(sessions.items.map((s: { device_id: string; current: boolean }) => [s.device_id, s.current]).sort()).toEqual([
    ["phone", false],
    ["tablet", true],
  ]);
});

test("an account name is taken once, whatever its capitals", async () => {
  const bob = await api.register("bob");
  const body = { account: bob.account.toUpperCase(), password: "another password", device_id: "d", platform: "test" };
  expect(await api.call("POST", "/v1/auth/register", { body })).toMatchObject({ status: 409, code: 702 });
});

test("a wrong password and an unknown account answer the same", async () => {
  const eve = await api.register("eve");
  const login = (account: string, password: string) =>
    api.call("POST", "/v1/auth/login", { body: { account, password, device_id: "d", platform: "test" } });
  const wrong = await login(eve.account, "not the password");
  const unknown = await login("nobody-at-all", "not the password");
  expect(wrong).toMatchObject({ status: 401, code: 701 });
  expect(unknown.text).toBe(wrong.text);
});

test("a refresh token is good once; using it again ends the session and its connection", async () => {
  const cat = await api.register("cat");
  const first = await refresh(cat.refresh);
  expect(first).toMatchObject({ status: 200, code: 0, data: { user: { id: cat.id }, session_id: cat.sessionId } });
  expect((await me(first.data.access_token)).status).toBe(200);
  const second = await refresh(first.data.refresh_token);
  expect(second.status).toBe(200);
  expect(await refresh(cat.refresh)).toMatchObject({ status: 401, code: 708 });
  expect(await refresh(second.data.refresh_token)).toMatchObject({ status: 401, code: 706 });
  await eventually(async () => ((await me(second.data.access_token)).status === 401 ? true : undefined));
  expect(orders).toContainEqual({ kind: "close", userId: cat.id, sessionIds: [cat.sessionId], close: "KICKED", revoked: true });
});

test("a refresh whose answer was lost can be asked again for 30 s; only the newest answer counts", async () => {
  const kim = await api.register("kim");
  const lost = await refresh(kim.refresh);
  expect(lost.status).toBe(200);
  leapMs += 29_000;
  const again = await refresh(kim.refresh);
  expect(again).toMatchObject({ status: 200, data: { session_id: kim.sessionId } });
  expect(again.data.refresh_token).not.toBe(lost.data.refresh_token);
  const next = await refresh(again.data.refresh_token);
  expect(next.status).toBe(200);
  // Somebody has the answer that was thought lost.
  expect(await refresh(lost.data.refresh_token)).toMatchObject({ status: 401, code: 708 });
  expect(await refresh(next.data.refresh_token)).toMatchObject({ status: 401, code: 706 });
});

test("a refresh token used again after its 30 s ends the session", async () => {
  const lea = await api.register("lea");
  const next = await refresh(lea.refresh);
  leapMs += 30_000;
  expect(await refresh(lea.refresh)).toMatchObject({ status: 401, code: 708 });
  expect(await refresh(next.data.refresh_token)).toMatchObject({ status: 401, code: 706 });
});

test("an invented refresh token ends nothing", async () => {
  const dan = await api.register("dan");
  const [session, , mac] = dan.refresh.split(".");
  for (const token of ["x", `${session}.${"A".repeat(32)}.${mac}`, `${dan.refresh}x`, dan.token]) {
    expect(await refresh(token)).toMatchObject({ status: 401, code: 706 });
  }
  expect((await refresh(dan.refresh)).status).toBe(200);
});

test("logging out ends the session at once", async () => {
  const fay = await api.register("fay");
  expect((await api.call("POST", "/v1/auth/logout", { token: fay.token })).status).toBe(200);
  await eventually(async () => ((await me(fay.token)).code === 706 ? true : undefined));
  expect(await refresh(fay.refresh)).toMatchObject({ status: 401, code: 706 });
  expect(orders).toContainEqual({ kind: "close", userId: fay.id, sessionIds: [fay.sessionId], close: "KICKED", revoked: true });
});

test("one can end another of one's sessions, and nobody else's", async () => {
  const gus = await api.register("gus");
  const tablet = await api.login(gus.account, "tablet");
  const other = await api.register("other");
  const end = (token: string, id: string) => api.call("DELETE", `/v1/sessions/${id}`, { token });
  expect(await end(other.token, tablet.sessionId)).toMatchObject({ status: 404 });
  expect(await end(gus.token, tablet.sessionId)).toMatchObject({ status: 200 });
  expect(await end(gus.token, tablet.sessionId)).toMatchObject({ status: 404 });
  await eventually(async () => ((await me(tablet.token)).code === 706 ? true : undefined));
  expect((await me(gus.token)).status).toBe(200);
});

test("a new login of a device ends the one before it", async () => {
  const hal = await api.register("hal", "phone");
  const again = await api.login(hal.account, "phone");
  await eventually(async () => ((await me(hal.token)).code === 706 ? true : undefined));
  expect((await me(again.token)).status).toBe(200);
  expect(orders).toContainEqual({ kind: "close", userId: hal.id, sessionIds: [hal.sessionId], close: "REPLACED", revoked: true });
});

test("profiles are read and changed", async () => {
  const ida = await api.register("ida");
  const jan = await api.register("jan");
  const change = (body: unknown) => api.call("PATCH", "/v1/users/me", { token: ida.token, body });
  expect(await change({ nickname: "Ida 🐦", avatar: "https://example.org/a.png" })).toMatchObject({
    status: 200,
    data: { nickname: "Ida 🐦" },
  });
  expect(await change({})).toMatchObject({ status: 400 });
  expect(await change({ nickname: "" })).toMatchObject({ status: 400 });
  expect(await change({ avatar: "javascript:alert(1)" })).toMatchObject({ status: 400 });
  const seen = await api.call("GET", `/v1/users/${ida.id}`, { token: jan.token });
  expect(seen.data).toMatchObject({ id: ida.id, nickname: "Ida 🐦", avatar: "https://example.org/a.png" });
  expect((await api.call("GET", `/v1/users?account=${ida.account}`, { token: jan.token })).data.id).toBe(ida.id);
  expect((await api.call("GET", "/v1/users?account=nobody-at-all", { token: jan.token })).status).toBe(404);
  expect((await api.call("GET", `/v1/users/U${"x".repeat(14)}`, { token: jan.token })).status).toBe(404);
});

test("gateways are named by load; without one the answer is 503", async () => {
  const kim = await api.register("kim");
  const gateway = () => api.call("GET", "/v1/gateway", { token: kim.token });
  expect(await gateway()).toMatchObject({ status: 503 });
  const { registry } = api.host.engines;
  const busy = await registry.register("gateway", "a", { addresses: { ws: "ws://a/ws", grpc: "a:1" }, load: 9 });
  const idle = await registry.register("gateway", "b", { addresses: { ws: "ws://b/ws", ws2: "ws://b2/ws" }, load: 1 });
  const leaving = await registry.register("gateway", "c", { addresses: { ws: "ws://c/ws" }, load: 0, draining: true });
  const { data } = await eventually(async () => {
    const answer = await gateway();
    return answer.data?.urls?.length === 3 ? answer : undefined;
  });
  expect(data).toEqual({ urls: ["ws://b/ws", "ws://b2/ws", "ws://a/ws"], protocols: ["text"] });
  for (const registration of [busy, idle, leaving]) await registration.close();
});

test("no token and no password is ever logged", async () => {
  const log = api.log.join("");
  const lou = await api.register("lou");
  await me(lou.token);
  expect(log.length).toBeGreaterThan(1_000);
  for (const secret of [lou.password, lou.token, lou.refresh]) expect(api.log.join("")).not.toContain(secret);
  expect(log).not.toContain("eyJ");
});
