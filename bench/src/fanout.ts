import { type ChildProcess, fork } from "node:child_process";
import { newId } from "@dunlin/domain";
import { noChanges, type Store } from "@dunlin/engines/store";
import { parseFlags } from "./figures.js";
import type { ListenerReport, ListenerRequest } from "./load/listener.js";
import { type BenchUser, startSystem } from "./system.js";

const USAGE = `npm run bench -- fanout [options]
  --connections N   connections that follow the supergroup, default 7500
  --members N       members of the supergroup, default 100000
  --messages N      messages a run sends, default 100
  --batch N         messages in one call, at most 100, default 100; 1: one after the other, nothing can be put together
  --runs N          runs, default 3
  --shape one|split one process (default), or each service its own, on real engines (IM_*_URL)
  --brokers N       with split: processes of brokersvc, the connections spread over them, default 1`;

/** A process may have 20,000 descriptors. */
const PER_LISTENER = 7_500;
const TEXT_BYTES = 128;
const CHUNK = 10_000;

/** A supergroup of the users and of so many more that nobody is online of. */
const createSupergroup = async (store: Store, users: readonly BenchUser[], members: number): Promise<string> => {
  const id = newId("C");
  const userIds = users.map((user) => user.id);
  while (userIds.length < members) userIds.push(newId("U"));
  const supergroup = { memberCount: userIds.length, messageCount: 0, topSeq: 0, activeAt: 1 };
  for (let at = 0; at < userIds.length; at += CHUNK) {
    const membersAdded = userIds.slice(at, at + CHUNK).map((userId) => ({
      conversationId: id,
      userId,
      role: "member" as const,
      joinedSeq: 0,
      joinedAt: 1,
      mutedUntil: 0,
      lastSentAt: 0,
    }));
    const conversation = {
      id,
      kind: "supergroup" as const,
      lastSeq: 0,
      title: "fanout",
      avatar: "",
      ownerId: "",
      createdAt: 1,
      supergroup,
    };
    await store.ingest.transaction((tx) => tx.write({ ...noChanges, conversations: [conversation], membersAdded }));
  }
  return id;
};

const next = <K extends ListenerReport["kind"]>(child: ChildProcess): Promise<ListenerReport & { kind: K }> =>
  new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as ListenerReport & { kind: K }));
    child.once("exit", (code) => reject(new Error(`a load process ended with ${code}`)));
  });

const sendBatch = async (apiUrl: string, token: string, to: string, count: number): Promise<void> => {
  const messages = Array.from({ length: count }, () => ({
    to,
    client_msg_id: newId("F"),
    payload: { msg_type: "text", text: "x".repeat(TEXT_BYTES) },
  }));
  const response = await fetch(`${apiUrl}/v1/messages/batch`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ messages }),
  });
  const { data } = (await response.json()) as { data?: { results: { code: number }[] } };
  if (!data?.results.every((result) => result.code === 0)) throw new Error(`a send was refused: ${response.status}`);
};

/** What a member who was never connected does. @returns the entries pulled, checked to be without a hole */
const catchUp = async (apiUrl: string, token: string, supergroup: string): Promise<number> => {
  for (let pts = 0; ; ) {
    const response = await fetch(`${apiUrl}/v1/supergroups/${supergroup}/updates?pts=${pts}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { data } = (await response.json()) as { data?: { updates: { seq: number }[]; has_more: boolean } };
    if (!data) throw new Error(`the difference was refused: ${response.status}`);
    for (const { seq } of data.updates) {
      if (seq !== pts + 1) throw new Error(`${seq} came after ${pts}`);
      pts = seq;
    }
    if (!data.has_more) return pts;
  }
};

/** A message to a supergroup is published once by a gateway, to everybody who follows it there. */
export const benchFanout = async (args: readonly string[]): Promise<void> => {
  const flags = parseFlags(args);
  if (flags.has("help")) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const connections = Number(flags.get("connections") ?? 7_500);
  const messages = Number(flags.get("messages") ?? 100);
  const members = Number(flags.get("members") ?? 100_000);
  const batch = Number(flags.get("batch") ?? 100);
  const runs = Number(flags.get("runs") ?? 3);
  const shape = flags.get("shape") === "split" ? "split" : "one";
  const brokers = shape === "one" ? 1 : Number(flags.get("brokers") ?? 1);
  let supergroup = "";
  const system = await startSystem({
    engines: shape === "one" ? "embedded" : "cluster",
    shape,
    brokers,
    users: connections + 1,
    env: { IM_WS_MAX_CONNECTIONS: String(connections + 100), IM_RATE_SENDS_PER_S: "100000" },
    prepare: async (store, users) => {
      supergroup = await createSupergroup(store, users, members);
    },
  });
  const perListener = Math.min(PER_LISTENER, Math.ceil(connections / brokers));
  /** Over the processes that hold connections: the brokers, or the one that is everything. */
  const sum = (figures: Record<string, number>): number =>
    Object.entries(figures).reduce((total, [name, figure]) => (/^(broker\d*|dunlin)$/.test(name) ? total + figure : total), 0);
  const listeners: { child: ChildProcess; count: number }[] = [];
  const tell = (child: ChildProcess, request: ListenerRequest): boolean => child.send(request);
  try {
    const before = sum(await system.memory());
    for (let at = 0; at < connections; at += perListener) {
      const child = fork(new URL("./load/listener.js", import.meta.url), { serialization: "advanced" });
      const tokens = system.users.slice(at, Math.min(connections, at + perListener)).map((user) => user.token);
      const wsUrl = system.wsUrls[listeners.length % brokers] as string;
      listeners.push({ child, count: tokens.length });
      const connected = next<"connected">(child);
      tell(child, { kind: "start", wsUrl, tokens });
      const { failures } = await connected;
      if (failures > 0) throw new Error(`${failures} connections failed`);
    }
    const memory = sum(await system.memory());
    process.stdout.write(
      `${connections} connections on ${brokers} broker${brokers > 1 ? "s" : ""} follow a supergroup of ${members}; ${(before / 2 ** 20).toFixed(0)} → ${(memory / 2 ** 20).toFixed(0)} MiB\n`,
    );
    for (let run = 0; run < runs; run++) {
      const done = listeners.map(({ child, count }) => {
        tell(child, { kind: "expect", entries: count * messages });
        return next<"done">(child);
      });
      // From the first send call on, so that accepting and storing count too; monotonic time is one for all processes.
      const began = Number(process.hrtime.bigint()) / 1e6;
      const cpuBefore = sum(await system.cpu());
      for (let sent = 0; sent < messages; sent += batch) {
        await sendBatch(system.apiUrl, (system.users[0] as BenchUser).token, supergroup, Math.min(batch, messages - sent));
      }
      const reports = await Promise.all(done);
      const cpu = sum(await system.cpu()) - cpuBefore;
      const received = reports.reduce((sum, report) => sum + report.received, 0);
      const disorder = reports.reduce((sum, report) => sum + report.disorder, 0);
      const closed = reports.reduce((sum, report) => sum + report.closed, 0);
      const seconds = (Math.max(...reports.map((report) => report.lastAt)) - began) / 1000;
      process.stdout.write(
        `${received} deliveries of ${reports[0]?.bytes} bytes in ${seconds.toFixed(2)} s: ${Math.round(received / seconds)} a second, ` +
          `${Math.round(received / cpu)} for each second of ${brokers > 1 ? "their" : "its"} CPU; out of order ${disorder}, closed ${closed}\n`,
      );
    }
    const after = sum(await system.memory());
    process.stdout.write(`memory at the end ${(after / 2 ** 20).toFixed(0)} MiB\n`);
    const pullBegan = performance.now();
    const pulled = await catchUp(system.apiUrl, (system.users.at(-1) as BenchUser).token, supergroup);
    process.stdout.write(`a member who was away pulled ${pulled} entries in ${(performance.now() - pullBegan).toFixed(0)} ms\n`);
    if (pulled !== runs * messages) throw new Error(`${runs * messages} were sent`);
  } finally {
    for (const { child } of listeners) child.kill();
    await system.stop();
  }
};
