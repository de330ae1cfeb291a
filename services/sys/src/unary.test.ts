import { randomBytes } from "node:crypto";
import { Tokens } from "@dunlin/domain";
import { sys } from "@dunlin/proto";
import { AppError, createLogger, Metrics, systemClock } from "@dunlin/runtime";
import { Client, credentials, type Deadline, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { createGrpcServer, listen } from "./grpc-server.js";
import { type Caller, UnaryServices } from "./unary.js";

const key = randomBytes(48);
const tokens = new Tokens(key, 900, systemClock);
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface CallOptions {
  token?: string | null;
  deadline?: Deadline;
  requestId?: string;
  client?: Client;
}

interface Opened {
  client: Client;
  connect: () => Client;
  metrics: Metrics;
  call: (bytes: Buffer, options?: CallOptions) => Promise<sys.Connection[]>;
}

/** A server whose ListConnections is `handler`, and a client that sends bytes as given. */
const open = async (
  handler: (request: sys.ListConnectionsRequest, caller: Caller) => Promise<sys.ListConnectionsResponse>,
  { streamsMax = 100, ...limits }: { deadlineMaxMs?: number; callsMax?: number; streamsMax?: number } = {},
): Promise<Opened> => {
  const server = createGrpcServer(streamsMax);
  const metrics = new Metrics();
  const unary = new UnaryServices({
    tokens,
    logger: createLogger({ service: "test", level: "silent" }),
    metrics,
    clock: systemClock,
    deadlineMaxMs: 30_000,
    callsMax: 100,
    ...limits,
  });
  unary.add(server, sys.ConnectionServiceService, {
    listConnections: handler,
    kick: async () => ({ kicked: 0 }),
    getConnections: async () => ({ users: [] }),
  });
  const port = await listen(server, "127.0.0.1", 0);
  closers.push(() => server.forceShutdown());
  /** On a connection of its own. */
  const connect = (): Client => {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    closers.push(() => client.close());
    return client;
  };
  const first = connect();
  const good = await tokens.issueService("broker");
  return {
    client: first,
    connect,
    metrics,
    call: (bytes, { token = good, deadline, requestId, client = first } = {}) =>
      new Promise((resolve, reject) => {
        const metadata = new Metadata();
        if (token !== null) metadata.set("authorization", `Bearer ${token}`);
        if (requestId !== undefined) metadata.set("x-request-id", requestId);
        client.makeUnaryRequest(
          sys.ConnectionServiceService.listConnections.path,
          (value: Buffer) => value,
          sys.ListConnectionsResponse.decode,
          bytes,
          metadata,
          deadline === undefined ? {} : { deadline },
          (error, answer) => (error ? reject(error) : resolve(answer?.connections ?? [])),
        );
      }),
  };
};

const ask = (userId: string): Buffer => Buffer.from(sys.ListConnectionsRequest.encode({ userId }).finish());
const failure = async (promise: Promise<unknown>): Promise<ServiceError> => {
  try {
    await promise;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error("the call succeeded");
};
const codeOf = (error: ServiceError): unknown => error.metadata.get("dunlin-code")[0];

test("a call with a credential reaches the handler with the caller's name and request id", async () => {
  const seen: unknown[] = [];
  const { call, metrics } = await open(async (request, caller) => {
    seen.push(request.userId, caller);
    return { connections: [] };
  });
  expect(await call(ask("U1"), { requestId: "r-1" })).toEqual([]);
  expect(seen).toEqual(["U1", { service: "broker", requestId: "r-1" }]);
  expect(await metrics.registry.metrics()).toContain('dunlin_grpc_requests_total{method="ConnectionService/ListConnections",code="OK"} 1');
});

test("no credential, junk, and a client's access token are UNAUTHENTICATED with code 706, whatever the body", async () => {
  const { call } = await open(async () => ({ connections: [] }));
  const access = await tokens.issueAccess({ userId: "U", sessionId: "s", deviceId: "d", platform: "web" });
  for (const token of [null, "junk", access]) {
    for (const body of [ask("U1"), Buffer.from([0xff, 0xff])]) {
      const error = await failure(call(body, { token }));
      expect([error.code, codeOf(error)]).toEqual([status.UNAUTHENTICATED, "706"]);
    }
  }
});

test("an expired credential is UNAUTHENTICATED with code 707", async () => {
  const { call } = await open(async () => ({ connections: [] }));
  const past = new Tokens(key, 900, { now: () => Date.now() - 3_600_000 });
  const error = await failure(call(ask("U1"), { token: await past.issueService("broker") }));
  expect([error.code, codeOf(error)]).toEqual([status.UNAUTHENTICATED, "707"]);
});

test("bytes that are no message are INVALID_ARGUMENT", async () => {
  const { call } = await open(async () => ({ connections: [] }));
  for (const bytes of [Buffer.from([0x0a, 0x7f, 0x01]), Buffer.alloc(12, 0xff), Buffer.from([0x0a])]) {
    const error = await failure(call(bytes));
    expect([error.code, codeOf(error)]).toEqual([status.INVALID_ARGUMENT, "400"]);
  }
});

test("more than 4 MiB is RESOURCE_EXHAUSTED", async () => {
  const { call } = await open(async () => ({ connections: [] }));
  expect((await failure(call(Buffer.alloc(4 * 1024 * 1024 + 1)))).code).toBe(status.RESOURCE_EXHAUSTED);
});

test("a call without a deadline, or with a later one, ends at the server's cap", async () => {
  const { call } = await open(() => new Promise(() => {}), { deadlineMaxMs: 50 });
  for (const options of [{}, { deadline: Date.now() + 60_000 }]) {
    const error = await failure(call(ask("U1"), options));
    expect([error.code, codeOf(error)]).toEqual([status.DEADLINE_EXCEEDED, "504"]);
  }
});

test("a caller's own shorter deadline is kept", async () => {
  const { call } = await open(() => new Promise(() => {}));
  expect((await failure(call(ask("U1"), { deadline: Date.now() + 50 }))).code).toBe(status.DEADLINE_EXCEEDED);
});

test("beyond the calls under way a call is UNAVAILABLE with a time to come back", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { call } = await open(async () => held.then(() => ({ connections: [] })), { callsMax: 1 });
  const first = call(ask("U1"));
  const error = await failure(call(ask("U2")));
  expect([error.code, codeOf(error), error.metadata.get("retry-after")[0]]).toEqual([status.UNAVAILABLE, "503", "1"]);
  release();
  expect(await first).toEqual([]);
});

test("calls beyond a connection's streams wait their turn; another connection is served meanwhile", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let underWay = 0;
  let most = 0;
  const { call, connect } = await open(
    async ({ userId }) => {
      if (userId === "free") return { connections: [] };
      most = Math.max(most, ++underWay);
      await held;
      underWay -= 1;
      return { connections: [] };
    },
    { streamsMax: 20 },
  );
  const calls = Promise.all(Array.from({ length: 200 }, () => call(ask("held"))));
  const other = connect();
  while (underWay < 20) await call(ask("free"), { client: other });
  for (let i = 0; i < 20; i++) await call(ask("free"), { client: other });
  expect(underWay).toBe(20);
  release();
  expect(await calls).toHaveLength(200);
  expect(most).toBe(20);
});

test("an AppError is shown by the table with its details; anything else is INTERNAL without its text", async () => {
  const { call } = await open(async ({ userId }) => {
    if (userId === "U1") throw new AppError("PEER_NOT_FOUND", "no such user: Zoë", { details: { user: "Zoë" } });
    throw new Error("the password is hunter2");
  });
  const known = await failure(call(ask("U1")));
  expect([known.code, codeOf(known), known.details]).toEqual([status.NOT_FOUND, "803", "no such user: Zoë"]);
  expect(JSON.parse(String(known.metadata.get("dunlin-details")[0]))).toEqual({ user: "Zoë" });
  const unknown = await failure(call(ask("U2")));
  expect([unknown.code, codeOf(unknown), unknown.details]).toEqual([status.INTERNAL, "1", "internal error"]);
});

test("an unknown method is UNIMPLEMENTED", async () => {
  const { client } = await open(async () => ({ connections: [] }));
  const error = await failure(
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        "/dunlin.sys.v1.ConnectionService/Nothing",
        (value: Buffer) => value,
        (value: Buffer) => value,
        Buffer.alloc(0),
        (failed, answer) => (failed ? reject(failed) : resolve(answer)),
      );
    }),
  );
  expect(error.code).toBe(status.UNIMPLEMENTED);
});
