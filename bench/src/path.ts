import { type ChildProcess, fork } from "node:child_process";
import { sleep } from "@dunlin/runtime";
import { median, parseFlags, quantile, table } from "./figures.js";
import type { ReceiverReport, ReceiverRequest } from "./load/receiver.js";
import type { SenderReport, SenderRequest } from "./load/sender.js";
import { type Engines, type Shape, type System, startSystem } from "./system.js";

const USAGE = `npm run bench -- path [options]
  --engines embedded|cluster   default embedded; cluster: IM_*_URL or npm run engines -- up
  --shape one|split            one process (default), or each service its own
  --seconds N                  measured time of each run, default 8
  --runs N                     runs of each kind, the median counts, default 3
  --only single|batch|rate     just this kind of load
  --connections N              closed-loop senders, default 64
BENCH_PROFILE=<folder> writes a CPU profile of each server process.`;

interface Kind {
  readonly name: string;
  readonly batch: number;
  readonly rate: number;
}

const KINDS: readonly Kind[] = [
  { name: "single", batch: 1, rate: 0 },
  { name: "batch", batch: 100, rate: 0 },
  { name: "rate", batch: 1, rate: 500 },
];

const WARMUP_MS = 2_000;
const USERS = 1_000;

interface Outcome {
  readonly accepted: number;
  readonly stored: number;
  readonly delivered: number;
  readonly p50: number;
  readonly p99: number;
  readonly answer50: number;
  readonly answer99: number;
  readonly refused: number;
  readonly firstError: string;
  readonly cpu: Record<string, number>;
}

const ask = <T>(child: ChildProcess, request: unknown): Promise<T> =>
  new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as T));
    child.once("exit", (code) => reject(new Error(`a load process ended with ${code}`)));
    child.send(request as object);
  });

const load = (name: string): ChildProcess => fork(new URL(`./load/${name}.js`, import.meta.url), { serialization: "advanced" });

const measure = async (system: System, receiver: ChildProcess, kind: Kind, seconds: number, connections: number): Promise<Outcome> => {
  const sender = load("sender");
  const request: SenderRequest = {
    apiUrl: system.apiUrl,
    users: system.users,
    connections: kind.batch > 1 ? Math.min(8, connections) : kind.rate > 0 ? Math.min(32, connections) : connections,
    batch: kind.batch,
    rate: kind.rate,
    warmupMs: WARMUP_MS,
    durationMs: seconds * 1000,
  };
  const sending = ask<SenderReport>(sender, request);
  await sleep(WARMUP_MS);
  receiver.send({ kind: "reset" } satisfies ReceiverRequest);
  const storedBefore = await system.metric("dunlin_messages_stored_total");
  const cpuBefore = await system.cpu();
  const began = performance.now();
  await sleep(seconds * 1000);
  const cpuAfter = await system.cpu();
  const storedAfter = await system.metric("dunlin_messages_stored_total");
  const elapsed = (performance.now() - began) / 1000;
  const report = await ask<ReceiverReport & { kind: "report" }>(receiver, { kind: "report" } satisfies ReceiverRequest);
  const sent = await sending;
  return {
    accepted: sent.accepted / sent.seconds,
    stored: (storedAfter - storedBefore) / elapsed,
    delivered: report.received / elapsed,
    p50: quantile(report.latencies, 0.5),
    p99: quantile(report.latencies, 0.99),
    answer50: quantile(sent.latencies, 0.5),
    answer99: quantile(sent.latencies, 0.99),
    refused: sent.refused,
    firstError: sent.firstError,
    cpu: Object.fromEntries(Object.entries(cpuAfter).map(([name, after]) => [name, (after - (cpuBefore[name] ?? 0)) / elapsed])),
  };
};

/** Waits until what was accepted has been stored and delivered, so that runs do not overlap. */
const settle = async (system: System): Promise<void> => {
  let last = -1;
  for (let tries = 0; tries < 120; tries++) {
    const stored = await system.metric("dunlin_messages_stored_total");
    if (stored === last) return;
    last = stored;
    await sleep(500);
  }
};

/** Closed-loop senders and acknowledging receivers from processes of their own, 1:1 among 1,000 users, 120-byte texts. */
export const benchPath = async (args: readonly string[]): Promise<void> => {
  const flags = parseFlags(args);
  if (flags.has("help")) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const engines = (flags.get("engines") ?? "embedded") as Engines;
  const shape = (flags.get("shape") ?? "one") as Shape;
  const seconds = Number(flags.get("seconds") ?? 8);
  const runs = Number(flags.get("runs") ?? 3);
  const connections = Number(flags.get("connections") ?? 64);
  const kinds = KINDS.filter((kind) => (flags.get("only") ?? kind.name) === kind.name);

  const system = await startSystem({ engines, shape, users: USERS, env: { IM_RATE_SENDS_PER_S: "0" } });
  const receiver = load("receiver");
  try {
    const connected = await ask<ReceiverReport & { kind: "connected" }>(receiver, {
      kind: "start",
      wsUrl: system.wsUrl,
      users: system.users,
      rate: 32,
    } satisfies ReceiverRequest);
    if (connected.failures > 0) throw new Error(`${connected.failures} connections failed`);
    const rows = [
      ["load", "accepted/s", "stored/s", "delivered/s", "p50 ms", "p99 ms", "answer p50", "answer p99", "refused", "CPU (cores)"],
    ];
    for (const kind of kinds) {
      const outcomes: Outcome[] = [];
      for (let run = 0; run < runs; run++) {
        outcomes.push(await measure(system, receiver, kind, seconds, connections));
        await settle(system);
      }
      const of = (pick: (outcome: Outcome) => number): number => median(outcomes.map(pick));
      const firstError = outcomes.find((outcome) => outcome.firstError !== "")?.firstError;
      if (firstError) process.stderr.write(`${kind.name}: refused, first: ${firstError}\n`);
      rows.push([
        kind.name,
        of((o) => o.accepted).toFixed(0),
        of((o) => o.stored).toFixed(0),
        of((o) => o.delivered).toFixed(0),
        of((o) => o.p50).toFixed(1),
        of((o) => o.p99).toFixed(1),
        of((o) => o.answer50).toFixed(1),
        of((o) => o.answer99).toFixed(1),
        String(outcomes.reduce((sum, o) => sum + o.refused, 0)),
        Object.keys(outcomes[0]?.cpu ?? {})
          .map((name) => `${name} ${of((o) => o.cpu[name] ?? 0).toFixed(2)}`)
          .join(" "),
      ]);
    }
    process.stdout.write(`${engines}, ${shape}, ${USERS} users, ${runs} runs of ${seconds} s, medians\n${table(rows)}\n`);
  } finally {
    receiver.send({ kind: "stop" } satisfies ReceiverRequest);
    await system.stop();
  }
};
