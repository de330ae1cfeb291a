import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { sleep } from "@dunlin/runtime";
import { freePorts } from "../support/ports.js";
import { Calls } from "./calls.js";
import { check, untilQuiet, type Verdict } from "./checks.js";
import { Ledger } from "./ledger.js";
import { type MutationName, mutationFlags } from "./mutations.js";
import { Population } from "./population.js";
import { TestedProcess } from "./process.js";

export interface EmbeddedOptions {
  readonly kills: number;
  readonly dir: string;
  readonly mutation?: MutationName;
  readonly say: (line: string) => void;
}

const SENDS_AFTER = 1_000;
const LOOPS = 24;

/** The one process, killed with -9 at random moments under load, each time started again on what it left. */
export const embeddedKills = async ({ kills, dir, mutation, say }: EmbeddedOptions): Promise<Verdict> => {
  const data = join(dir, "data");
  await mkdir(data, { recursive: true });
  const [api, ws, grpc, metrics] = (await freePorts(4)) as [number, number, number, number];
  const server = new TestedProcess({
    name: "dunlin",
    main: "libs/suite/dist/main.js",
    metricsPort: metrics,
    logDir: dir,
    flags: mutationFlags(mutation),
    env: {
      IM_DATA_DIR: data,
      IM_AUTH_KEY: randomBytes(48).toString("base64"),
      IM_ACCESS_TTL_S: "86400",
      IM_LOG_LEVEL: "info",
      IM_API_PORT: String(api),
      IM_WS_PORT: String(ws),
      IM_GRPC_PORT: String(grpc),
    },
  });
  const ledger = await Ledger.open(dir);
  const calls = new Calls([`http://127.0.0.1:${api}`]);
  let population: Population | undefined;
  try {
    await server.start();
    population = await Population.create({ users: 24, groups: 4, groupSize: 10, calls, wsUrls: [`ws://127.0.0.1:${ws}/ws`], ledger });
    const began = Date.now();
    population.start(LOOPS, 5);
    const recoveries: number[] = [];
    for (let kill = 1; kill <= kills; kill++) {
      await sleep(300 + Math.random() * 2_000);
      await server.signal("SIGKILL");
      const killed = Date.now();
      await server.start();
      const ready = Date.now();
      while (ledger.okBetween(ready, Date.now()) === 0) await sleep(10);
      recoveries.push(Date.now() - killed);
      say(`kill ${kill} of ${kills}: serving after ${ready - killed} ms, ${ledger.okBetween(began, Date.now())} sends acknowledged so far`);
    }
    const healed = Date.now();
    while (ledger.okBetween(healed, Date.now()) < SENDS_AFTER) await sleep(100);
    await population.stop();
    await untilQuiet(population, calls);
    say(
      `acknowledged: ${ledger.okBetween(began, healed)} during, ${ledger.okBetween(healed, Date.now())} after; recovery at most ${Math.max(...recoveries)} ms`,
    );
    const verdict = await check(population, ledger, calls);
    if (ledger.okBetween(began, healed) < 1_000) verdict.broken.push("! fewer than 1,000 sends were acknowledged during the faults");
    return verdict;
  } finally {
    await population?.close();
    await server.stop();
    server.close();
    await calls.close();
    await ledger.close();
  }
};
