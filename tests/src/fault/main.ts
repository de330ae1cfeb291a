import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Verdict } from "./checks.js";
import { embeddedKills } from "./embedded.js";
import { APPLIED, type MutationName, mutations } from "./mutations.js";

const USAGE = `npm run fault -- <what> [options]
  embedded               kill -9 of the one process at random moments under load
    --kills N            how often, default 20
  --mutate <name>        with a deliberate fault in the code: the run must then find it. Names:
${Object.entries(mutations)
  .map(([name, { about }]) => `    ${name.padEnd(20)} ${about}`)
  .join("\n")}
  --keep                 keep the ledger and the logs, and say where
`;

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

/** A mutation that was never applied would make "the checks found it" mean nothing. */
const requireApplied = async (dir: string, mutation: MutationName): Promise<void> => {
  const logs = (await readdir(dir)).filter((name) => name.endsWith(".log"));
  const texts = await Promise.all(logs.map((name) => readFile(join(dir, name), "utf8")));
  for (const { file } of mutations[mutation].replacements) {
    if (!texts.some((text) => text.includes(`${APPLIED} ${file}`))) throw new Error(`the mutation of ${file} was not applied`);
  }
};

const main = async (args: readonly string[]): Promise<number> => {
  const what = args[0];
  const mutation = value(args, "--mutate") as MutationName | undefined;
  if (what !== "embedded" || (mutation !== undefined && !(mutation in mutations))) {
    process.stderr.write(USAGE);
    return 2;
  }
  const dir = await mkdtemp(join(tmpdir(), "dunlin-fault-"));
  try {
    const options = { dir, say, ...(mutation ? { mutation } : {}) };
    const verdict = await embeddedKills({ ...options, kills: Number(value(args, "--kills") ?? 20) });
    report(what, verdict);
    if (mutation === undefined) {
      say(verdict.broken.length === 0 ? "all rules hold: L D O G P U" : `${verdict.broken.length} rules broken`);
      return verdict.broken.length === 0 ? 0 : 1;
    }
    await requireApplied(dir, mutation);
    say(verdict.broken.length > 0 ? `the mutation ${mutation} was found, as it must be` : `the mutation ${mutation} was NOT found`);
    return verdict.broken.length > 0 ? 0 : 1;
  } finally {
    if (args.includes("--keep")) say(`kept: ${dir}`);
    else await rm(dir, { recursive: true, force: true });
  }
};

process.exitCode = await main(process.argv.slice(2));
