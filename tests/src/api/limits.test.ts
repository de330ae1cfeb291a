import { connect } from "node:net";
import type { Store } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import { afterEach, expect, test } from "vitest";
import { ApiFixture, envelopeOf, eventually, type OpenOptions, type TestUser } from "./fixture.js";

const opened: ApiFixture[] = [];
const open = async (options?: OpenOptions): Promise<ApiFixture> => {
  const api = await ApiFixture.open(options);
  opened.push(api);
  return api;
};
afterEach(async () => {
  for (const api of opened.splice(0)) await api.close();
});

const text = (to: string, id: string) => ({ to, client_msg_id: id, payload: { msg_type: "text", text: "x" } });

test("too many sends of a user are 429 with the time to wait; others go on", async () => {
  const api = await open({ env: { IM_RATE_SENDS_PER_S: "1" } });
  const [ann, bob] = [await api.register("ann"), await api.register("bob")];
  const send = (from: TestUser, to: TestUser, id: string) => api.call("POST", "/v1/messages", { token: from.token, body: text(to.id, id) });
  const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => send(ann, bob, `r${i}`)));
  const refused = answers.filter((a) => a.status === 429);
  expect(refused.length).toBeGreaterThanOrEqual(5);
  for (const answer of refused) expect(answer).toMatchObject({ code: 429 });
  expect((await send(bob, ann, "b")).status).toBe(202);
  // A batch counts each of its messages: after one that passes, the next has to wait for all of them.
  const messages = Array.from({ length: 60 }, (_, i) => text(bob.id, `q${i}`));
  await eventually(async () => {
    const { status } = await api.call("POST", "/v1/messages/batch", { token: ann.token, body: { messages } });
    return status === 429 ? true : undefined;
  });
});

test("failed logins of an address are limited, whatever X-Forwarded-For says; good ones before that are not", async () => {
  const api = await open({ env: { IM_RATE_LOGIN_FAILURES_PER_MIN: "3" } });
  const ann = await api.register("ann");
  for (let i = 0; i < 5; i++) await api.login(ann.account, "tablet");
  let n = 0;
  const fail = () => {
    n += 1;
    const headers = { "x-forwarded-for": `10.0.0.${n}` };
    return api.call("POST", "/v1/auth/login", {
      headers,
      body: { account: ann.account, password: "wrong", device_id: "d", platform: "test" },
    });
  };
  for (let i = 0; i < 3; i++) expect((await fail()).status).toBe(401);
  const refused = await fail();
  expect(refused).toMatchObject({ status: 429, code: 429 });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(1);
  expect((await api.call("POST", "/v1/auth/refresh", { body: { refresh_token: "junk" } })).status).toBe(429);
});

test("behind a trusted proxy the address is the one it names", async () => {
  const api = await open({ env: { IM_RATE_LOGIN_FAILURES_PER_MIN: "1", IM_API_TRUSTED_PROXIES: "1" } });
  const fail = (forwarded: string) =>
    api.call("POST", "/v1/auth/refresh", { headers: { "x-forwarded-for": forwarded }, body: { refresh_token: "junk" } });
  expect((await fail("6.6.6.6, 10.0.0.1")).status).toBe(401);
  expect((await fail("7.7.7.7, 10.0.0.1")).status).toBe(429);
  expect((await fail("10.0.0.2")).status).toBe(401);
});

test("each kind of operation has limits of its own: by user, by device, by address", async () => {
  const api = await open({
    env: { IM_RATE_LOOKUPS_PER_MIN: "2", IM_RATE_OTHER_DEVICE_PER_S: "1", IM_RATE_REGISTER_PER_MIN: "3", IM_RATE_LOGINS_PER_MIN: "5" },
  });
  const [ann, bob] = [await api.register("ann"), await api.register("bob")];
  const statuses = async (times: number, ask: () => Promise<{ status: number }>): Promise<number[]> => {
    const answers = await Promise.all(Array.from({ length: times }, ask));
    return answers.map((answer) => answer.status).sort();
  };
  const lookUp = () => api.call("GET", `/v1/users/${bob.id}`, { token: ann.token });
  expect(await statuses(4, lookUp)).toEqual([200, 200, 429, 429]);
  expect((await api.call("GET", `/v1/users/${ann.id}`, { token: bob.token })).status).toBe(200);
  // Another device of ann's has the same user's limit, and its own device's.
  const tablet = await api.login(ann.account, "tablet");
  expect((await api.call("GET", `/v1/users/${bob.id}`, { token: tablet.token })).status).toBe(429);
  await eventually(async () => {
    const [here, there] = await Promise.all([
      statuses(5, () => api.call("GET", "/v1/sessions", { token: ann.token })),
      statuses(1, () => api.call("GET", "/v1/sessions", { token: tablet.token })),
    ]);
    return here.includes(429) && there[0] === 200 ? true : undefined;
  });
  expect((await api.send(ann, bob.id, "sends are another kind")).state).toBe("accepted");
  const register = () =>
    api.call("POST", "/v1/auth/register", {
      body: { account: `x${Math.random()}`, password: "long enough", device_id: "d", platform: "test" },
    });
  expect(await statuses(2, register)).toEqual([201, 429]);
  expect(await statuses(5, () => api.call("POST", "/v1/auth/refresh", { body: { refresh_token: "junk" } }))).toEqual([
    401, 401, 401, 401, 429,
  ]);
});

test("more requests at once than are worked on are 503 with Retry-After", async () => {
  const api = await open({ env: { IM_API_MAX_IN_FLIGHT: "1" } });
  const ann = await api.register("ann");
  const answers = await Promise.all(Array.from({ length: 10 }, () => api.call("GET", "/v1/sessions", { token: ann.token })));
  const statuses = new Set(answers.map((a) => a.status));
  expect(statuses).toContain(200);
  expect(statuses).toContain(503);
});

test("slow headers and a slow body are closed", async () => {
  const api = await open({ env: { IM_API_HEADERS_TIMEOUT_S: "1", IM_API_REQUEST_TIMEOUT_S: "1" } });
  const ann = await api.register("ann");
  const body = `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"to":`;
  for (const bytes of ["GET /v1/users/me HTTP/1.1\r\nHost: x\r\nX-Slow: ", body]) {
    const answer = await api.raw(bytes);
    if (answer !== "") expect(envelopeOf(answer).code).toBe(400);
  }
});

test("a drain lets the request under way finish, refuses new connections and ends", async () => {
  const api = await open();
  const ann = await api.register("ann");
  const bob = await api.register("bob");
  const body = JSON.stringify(text(bob.id, "late"));
  let received = "";
  const socket = connect(api.api.port, "127.0.0.1");
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.setEncoding("utf8").on("data", (part: string) => {
    received += part;
  });
  socket.write(
    `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
  );
  // An idle connection is closed, one with half a request is not.
  await api.call("GET", "/healthz");
  const drained = api.api.drain();
  await eventually(async () => {
    const refused = await fetch(`${api.url}/healthz`).then(
      () => false,
      () => true,
    );
    return refused || undefined;
  });
  expect(api.host.health.draining).toBe(true);
  expect((await api.host.health.report()).ready).toBe(false);
  socket.write(body.slice(9));
  await drained;
  await closed;
  expect(received).toMatch(/^HTTP\/1\.1 202 /);
  expect(received.toLowerCase()).toContain("connection: close");
});

test("readiness says when a dependency is away or the process drains, without telling names", async () => {
  const api = await open({ env: { IM_API_DRAIN_DELAY_S: "1" } });
  expect(await api.call("GET", "/healthz")).toMatchObject({ status: 200, data: { alive: true } });
  expect(await api.call("GET", "/readyz")).toMatchObject({ status: 200, data: { ready: true } });
  api.host.health.add("probe", () => {
    throw new Error("db.internal:3306 refused");
  });
  const away = await api.call("GET", "/readyz");
  expect(away).toMatchObject({ status: 503 });
  expect(away.text).not.toContain("db.internal");
  api.host.health.remove("probe");
  expect((await api.call("GET", "/readyz")).status).toBe(200);
  const drained = api.api.drain();
  expect((await api.call("GET", "/readyz")).status).toBe(503);
  expect((await api.call("GET", "/healthz")).headers.get("connection")).toBe("close");
  await drained;
});

test("while the store is away, sends of those who are known answer 202, everything else 503 within two seconds", async () => {
  let mode: "well" | "hangs" | "refuses" = "well";
  const gate = <T extends object>(part: T): T =>
    new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (mode === "hangs") return new Promise(() => undefined);
          if (mode === "refuses") return Promise.reject(new AppError("UNAVAILABLE"));
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
  const wrapStore = (store: Store): Store =>
    new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        return value !== null && typeof value === "object" ? gate(value) : value;
      },
    });
  const api = await open({ wrapStore });
  const [ann, bob, cid] = [await api.register("ann"), await api.register("bob"), await api.register("cid")];
  const group = (await api.call("POST", "/v1/groups", { token: ann.token, body: { kind: "group", title: "t", members: [bob.id] } })).data
    .id;
  const send = (to: string, id: string) => api.call("POST", "/v1/messages", { token: ann.token, body: text(to, id) });
  for (const [i, to] of [bob.id, group].entries()) expect((await send(to, `well${i}`)).status).toBe(202);
  for (const away of ["hangs", "refuses"] as const) {
    mode = away;
    const begin = performance.now();
    const [known, inGroup, unknown, dialogs] = await Promise.all([
      send(bob.id, `${away}1`),
      send(group, `${away}2`),
      send(cid.id, `${away}3`),
      api.call("GET", "/v1/dialogs", { token: ann.token }),
    ]);
    expect([known.status, inGroup.status, unknown.status, dialogs.status]).toEqual([202, 202, 503, 503]);
    for (let i = 0; i < 20; i++) expect((await send(bob.id, `${away}more${i}`)).status).toBe(202);
    // The breaker is open: not every one of them waited.
    expect(performance.now() - begin).toBeLessThan(15_000);
    mode = "well";
    await eventually(async () => ((await api.call("GET", "/v1/dialogs", { token: ann.token })).status === 200 ? true : undefined));
  }
  // All that was accepted arrives.
  await eventually(async () => {
    const { data } = await api.call("GET", `/v1/dialogs/${bob.id}`, { token: ann.token });
    return data.top_seq === 43 ? true : undefined;
  });
});

test("a change that ingest does not apply in time is answered as accepted", async () => {
  const api = await open({ ingest: false });
  const [ann, bob] = [await api.register("ann"), await api.register("bob")];
  const created = await api.call("POST", "/v1/groups", { token: ann.token, body: { kind: "group", title: "later", members: [bob.id] } });
  expect(created).toMatchObject({ status: 202, data: { title: "later", member_count: 2 } });
});
