import { type CellResult, runCell } from "./cell-run.js";
import { type Cell, cells, cellsFor } from "./cells.js";
import { ClusterSystem } from "./cluster-system.js";
import { type MutationName, mutationFlags } from "./mutations.js";

export interface ClusterOptions {
  readonly dir: string;
  readonly mutation?: MutationName;
  /** The name of the one cell to run. Unset: all, or those that must find the mutation. */
  readonly only?: string;
  /** Aborts when the run is to end early. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface ClusterVerdict {
  readonly results: readonly CellResult[];
  /** Each broken rule, with its cell. */
  readonly broken: readonly string[];
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);

/** One line for a cell. */
const lineOf = ({ cell, kills, okDuring, okAfter, unknown, recoveryMs, caughtUpMs, seen, broken }: CellResult): string =>
  [
    `${cell.name}: ${kills} kill${kills > 1 ? "s" : ""}, ${okDuring} ok during, ${okAfter} ok after, ${unknown} unknown`,
    `recovery ${recoveryMs} ms of ${cell.budgetMs}, all shown after ${caughtUpMs} ms`,
    `felt: ${seen.failedCalls} failed calls, ${seen.brokenConnections} broken connections, slowest message ${seconds(seen.slowestMs)} s, ${seen.logLines} log lines`,
    broken.length === 0 ? "holds" : `BROKEN (${broken.length})`,
  ].join("; ");

/** The results as a Markdown table. */
export const tableOf = (results: readonly CellResult[]): string[] => {
  const rows = [
    ["kill -9 of", "kills", "ok during", "ok after", "unknown", "shown", "recovery ms", "budget ms", "all shown ms", "verdict"],
    ...results.map(({ cell, kills, okDuring, okAfter, unknown, shown, recoveryMs, caughtUpMs, broken }) =>
      [
        cell.name,
        kills,
        okDuring,
        okAfter,
        unknown,
        shown,
        recoveryMs,
        cell.budgetMs,
        caughtUpMs,
        broken.length === 0 ? "holds" : "BROKEN",
      ].map(String),
    ),
  ];
  const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const lines = rows.map((row) => `| ${row.map((text, column) => text.padEnd(widths[column] as number)).join(" | ")} |`);
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return lines;
};

export const cellNames = cells.map((cell) => cell.name);

const chosen = ({ only, mutation }: ClusterOptions): readonly Cell[] => {
  if (only !== undefined) return cells.filter((cell) => cell.name === only);
  return mutation === undefined ? cells : cells.filter((cell) => cellsFor[mutation].includes(cell.name));
};

/** Every chosen cell, one after the other, on one start of engines and services. */
export const clusterKills = async (options: ClusterOptions): Promise<ClusterVerdict> => {
  const { dir, mutation, signal, say } = options;
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => {});
  const results: CellResult[] = [];
  const broken: string[] = [];
  const began = Date.now();
  const starting = ClusterSystem.start(dir, mutationFlags(mutation));
  let system: ClusterSystem | undefined;
  let whole = false;
  try {
    system = await Promise.race([starting, aborted]);
    say(`4 engines and ${system.processes.length} processes of 5 services after ${seconds(Date.now() - began)} s`);
    for (const cell of chosen(options)) {
      const result = await Promise.race([runCell(system, cell, dir), aborted]);
      results.push(result);
      say(lineOf(result));
      for (const line of result.broken.slice(0, 10)) say(`  ${line}`);
      if (result.broken.length > 10) say(`  … and ${result.broken.length - 10} more`);
      broken.push(...result.broken.map((line) => `${cell.name}: ${line}`));
    }
    whole = true;
  } finally {
    // One that is still being started is waited for: what it starts has to be ended.
    const started = system ?? (await starting.catch(() => undefined));
    const failed = (await started?.close(whole)) ?? [];
    for (const name of failed) {
      broken.push(`! ${name} did not end orderly on SIGTERM`);
      say(broken.at(-1) as string);
    }
  }
  say(`${chosen(options).length} cells in ${seconds(Date.now() - began)} s`);
  return { results, broken };
};
