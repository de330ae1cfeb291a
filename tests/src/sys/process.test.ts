import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { sys } from "@dunlin/proto";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { atEnd, tempFolder } from "../support/embedded-host.js";
import { eventually } from "../support/eventually.js";
import { freePorts } from "../support/ports.js";
import { baseSettings, type Settings, tokensOf } from "../support/settings.js";
import { Caller, failureOf } from "./caller.js";
import { startSys } from "./fixture.js";

const CHECK = "/grpc.health.v1.Health/Check";
const REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const SERVING = 1;
const asked = (service: string): Buffer => Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);
/** HealthCheckResponse: field 1, an enumeration. */
const healthOf = (bytes: Buffer): number => (bytes[0] === 0x08 ? (bytes[1] as number) : 0);
/** ServerReflectionRequest: list_services, field 7. */
const LIST_SERVICES = Buffer.from([0x3a, 0x01, 0x2a]);

test("health answers without a credential, for the whole and for each service", async () => {
  const { caller } = await startSys();
  const health = (service: string) => caller.send(CHECK, asked(service), healthOf, { token: null });
  expect(await health("")).toBe(SERVING);
  expect(await health("dunlin.sys.v1.MessageService")).toBe(SERVING);
  expect((await failureOf(health("another.Service"))).status).toBe(status.NOT_FOUND);
});

test("the interface describes itself on loopback, and not when that is switched off", async () => {
  const reflect = async (env: Settings): Promise<unknown> => {
    const { caller } = await startSys(env);
    return caller.send(REFLECT, LIST_SERVICES, (bytes) => bytes.toString("latin1"), { token: null });
  };
  expect(await reflect({})).toContain("dunlin.sys.v1.MessageService");
  expect((await failureOf(reflect({ IM_GRPC_REFLECTION: "off" }))).status).toBe(status.UNIMPLEMENTED);
});

test("drain: calls under way end well, new ones are refused", async () => {
  const { caller, suite, addUser } = await startSys({ IM_BROKER_ROLES: "gateway" });
  const ownerId = await addUser("ann");
  const create = caller.ask(sys.GroupServiceService.createGroup, { ownerId, title: "Late", members: [] });
  await eventually("the call is under way", async () => {
    const text = await suite.host.metrics.registry.getSingleMetricAsString("dunlin_grpc_calls");
    return text.endsWith("dunlin_grpc_calls 1");
  });
  const stopping = suite.stop();
  expect(await create).toMatchObject({ title: "Late", ownerId });
  await stopping;
  const late = caller.ask(sys.TokenServiceService.checkSession, { userId: ownerId, sessionId: "s" }, { deadline: Date.now() + 5_000 });
  expect((await failureOf(late)).status).toBe(status.UNAVAILABLE);
});

const main = fileURLToPath(new URL("../../../services/sys/dist/main.js", import.meta.url));

/** Runs syssvc as its own process. */
const runMain = (env: Settings, args: string[] = []) => {
  const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env["PATH"], ...env } });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  atEnd(() => void child.kill("SIGKILL"));
  return { child, exited, output: () => output };
};

test("as its own process: serves, and ends with 0 on SIGTERM", async () => {
  const [grpc, metrics] = (await freePorts(2)) as [number, number];
  const settings = {
    ...baseSettings(await tempFolder()),
    IM_GRPC_PORT: String(grpc),
    IM_METRICS_PORT: String(metrics),
    IM_LOG_LEVEL: "info",
  };
  const { child, exited, output } = runMain(settings);
  await eventually("it listens", () => output().includes("gRPC interface listens"));
  const caller = new Caller(`127.0.0.1:${grpc}`, await tokensOf(settings)().issueService("tests"));
  atEnd(() => caller.close());
  const user = await caller.ask(sys.UserServiceService.createUser, { account: "ann", password: "correct horse", nickname: "" });
  expect(user.account).toBe("ann");
  const scraped = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
  expect(scraped).toContain('dunlin_grpc_requests_total{method="UserService/CreateUser",code="OK"} 1');
  child.kill("SIGTERM");
  expect(await exited).toBe(0);
}, 120_000);

test("a port that is taken, and wrong settings, are named", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  atEnd(() => void taken.close());
  const address = taken.address();
  const port = String(typeof address === "object" && address ? address.port : 0);
  const settings = { ...baseSettings(await tempFolder()), IM_METRICS_PORT: "0" };
  const blocked = runMain({ ...settings, IM_GRPC_PORT: port });
  expect(await blocked.exited).toBe(1);
  expect(blocked.output()).toContain(`cannot listen for gRPC on 127.0.0.1:${port} (IM_HOST, IM_GRPC_PORT)`);
  const wrong = runMain({ ...settings, IM_GRPC_PORT: "grpc", IM_GRPC_REFLECTION: "maybe" });
  expect(await wrong.exited).toBe(1);
  expect(wrong.output()).toMatch(/IM_GRPC_PORT: "grpc" is not allowed[\s\S]*IM_GRPC_REFLECTION: "maybe" is not allowed/);
  const help = runMain({}, ["--help"]);
  expect(await help.exited).toBe(0);
  expect(help.output()).toContain("IM_GRPC_ADVERTISE");
}, 120_000);
