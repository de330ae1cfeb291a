import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runModel } from "../model/command.js";
import type { Verdict } from "./checks.js";
import { cellNames, clusterKills, tableOf } from "./cluster.js";
import { embeddedKills } from "./embedded.js";
import { APPLIED, type MutationName, mutations } from "./mutations.js";

const USAGE = `npm run fault -- <what> [options]
  embedded               kill -9 of the one process at random moments under load
    --kills N            how often, default 20
  cluster                kill -9 of each service and each engine under load: real engines, every service twice
    --only <cell>        one of ${cellNames.join(", ")}
  model                  random histories of users with devices, which must agree in the end
    --histories N        how many, default 1000; --operations N each, default 50
    --seed N             history i is that of seed N + i; default: any. --histories 1 plays a failing one again
    --engines            on the engines that IM_…_URL name, not embedded ones
  --mutate <name>        with a deliberate fault in the code: the run must then find it. Names:
${Object.entries(mutations)
  .map(([name, { about }]) => `    ${name.padEnd(20)} ${about}`)
  .join("\n")}
  --keep                 keep the ledger and the logs, and say where
`;

interface Run {
  readonly dir: string;
  readonly args: readonly string[];
  readonly mutation?: MutationName;
}

const value = (args: readonly string[], name: string): string | undefined => {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
};

const say = (line: string): void => {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
};

const report = (name: string, verdict: Verdict): void => {
  say(
    `${name}: ${verdict.ok} ok, ${verdict.unknown} unknown, ${verdict.receipts} shown, ${verdict.doubles} doubles dropped, ${verdict.reconnects} reconnects`,
  );
  for (const line of verdict.broken.slice(0, 20)) say(`  ${line}`);
  if (verdict.broken.length > 20) say(`  … and ${verdict.broken.length - 20} more`);
};

/** Each kind of run. @returns every broken rule */
const runs: Record<string, (run: Run) => Promise<readonly string[]>> = {
  model: ({ args }) =>
    runModel({
      seed: Number(value(args, "--seed") ?? Math.floor(Math.random() * 1_000_000_000)),
      histories: Number(value(args, "--histories") ?? 1_000),
      operations: Number(value(args, "--operations") ?? 50),
      engines: args.includes("--engines"),
      say,
    }),
  embedded: async ({ args, ...run }) => {
    const verdict = await embeddedKills({ ...run, say, kills: Number(value(args, "--kills") ?? 20) });
    report("embedded", verdict);
    return verdict.broken;
  },
  cluster: async ({ args, ...run }) => {
    const only = value(args, "--only");
    const interrupted = new AbortController();
    for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupted.abort(new Error(`ended by ${name}`)));
    try {
      const options = { ...run, say, signal: interrupted.signal, ...(only === undefined ? {} : { only }) };
      const { results, broken } = await clusterKills(options);
      process.stdout.write(`\n${tableOf(results).join("\n")}\n\n`);
      return broken;
    } catch (error) {
      if (!interrupted.signal.aborted) throw error;
      say((interrupted.signal.reason as Error).message);
      await rm(run.dir, { recursive: true, force: true });
      // The cell under way would never come to its end, with everything it needs gone.
      process.exit(130);
    }
  },
};

/** A mutation that was never applied would make "the checks found it" mean nothing. */
const requireApplied = async (dir: string, mutation: MutationName): Promise<void> => {
  const logs = (await readdir(dir)).filter((name) => name.endsWith(".log"));
  const texts = await Promise.all(logs.map((name) => readFile(join(dir, name), "utf8")));
  for (const { file } of mutations[mutation].replacements) {
    if (!texts.some((text) => text.includes(`${APPLIED} ${file}`))) throw new Error(`the mutation of ${file} was not applied`);
  }
};

const main = async (args: readonly string[]): Promise<number> => {
  const run = runs[args[0] ?? ""];
  const mutation = value(args, "--mutate") as MutationName | undefined;
  const only = value(args, "--only");
  if (!run || (mutation !== undefined && !(mutation in mutations)) || (only !== undefined && !cellNames.includes(only))) {
    process.stderr.write(USAGE);
    return 2;
  }
  const dir = await mkdtemp(join(tmpdir(), "dunlin-fault-"));
  try {
    const broken = await run({ dir, args, ...(mutation ? { mutation } : {}) });
    if (mutation === undefined) {
      say(
        broken.length === 0 ? (args[0] === "model" ? "all devices agree" : "all rules hold: L D O G P U") : `${broken.length} rules broken`,
      );
      return broken.length === 0 ? 0 : 1;
    }
    await requireApplied(dir, mutation);
    const { breaks } = mutations[mutation];
    const found = broken.filter((line) => line.startsWith(`${breaks} `) || line.includes(`: ${breaks} `)).length;
    say(
      found > 0
        ? `the mutation ${mutation} was found, as it must be: ${found} times by rule ${breaks}`
        : `the mutation ${mutation} was NOT found`,
    );
    return found > 0 ? 0 : 1;
  } finally {
    if (args.includes("--keep")) say(`kept: ${dir}`);
    else await rm(dir, { recursive: true, force: true });
  }
};

process.exitCode = await main(process.argv.slice(2));
