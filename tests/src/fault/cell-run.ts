import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sleep } from "@dunlin/runtime";
import { Calls } from "./calls.js";
import type { Cell, Seen } from "./cells.js";
import { check, untilQuiet } from "./checks.js";
import type { ClusterSystem } from "./cluster-system.js";
import { DeliveryWatch } from "./delivery-watch.js";
import { Ledger } from "./ledger.js";
import { Population } from "./population.js";
import { SysSends } from "./sys-sends.js";

const SENDS = 1_000;
const LOOPS = 24;
const PAUSE_MS = 80;
/** A kill after which nothing is accepted until all is well again is repeated until enough was accepted around it. */
const ROUNDS_MAX = 6;
const WAIT_MS = 90_000;
const DROP_EVERY_MS = 400;
const POLL_MS = 25;

export interface CellResult {
  readonly cell: Cell;
  readonly kills: number;
  readonly okDuring: number;
  readonly okAfter: number;
  readonly unknown: number;
  readonly shown: number;
  /** From heal to the first new message accepted and shown, at worst, ms. */
  readonly recoveryMs: number;
  /** From heal until every message accepted up to then was shown everywhere, at worst, ms. */
  readonly caughtUpMs: number;
  readonly seen: Seen;
  readonly broken: readonly string[];
}

/** @returns whether it came true in time */
const becomes = async (condition: () => boolean, ms = WAIT_MS): Promise<boolean> => {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
};

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const logSizes = async (system: ClusterSystem): Promise<number[]> =>
  Promise.all(system.processes.map(async ({ logFile }) => (await stat(logFile)).size));

const countLines = async (system: ClusterSystem, from: readonly number[], pattern: RegExp): Promise<number> => {
  let count = 0;
  for (const [index, { logFile }] of system.processes.entries()) {
    const lines = createInterface({ input: createReadStream(logFile, { start: from[index] ?? 0 }) });
    for await (const line of lines) if (pattern.test(line)) count += 1;
  }
  return count;
};

/** One cell on a running system: load, kill -9, heal, load again, quiet, and all rules over what the ledger holds. */
export const runCell = async (system: ClusterSystem, cell: Cell, dir: string): Promise<CellResult> => {
  const ledger = await Ledger.open(join(dir, cell.name));
  const calls = new Calls(system.apiUrls);
  const sysSends = new SysSends(system.grpcAddresses, system.authKey);
  let population: Population | undefined;
  let dropping: NodeJS.Timeout | undefined;
  try {
    const people = { users: 24, groups: 4, groupSize: 10, calls, wsUrls: system.wsUrls, ledger };
    population = await Population.create(cell.viaSys ? { ...people, alsoSend: sysSends.send } : people);
    const { devices } = population;
    const watch = new DeliveryWatch(ledger, population);
    const broken: string[] = [];
    let dropped = 0;
    // Devices that come back under the fault, with the pts they had.
    dropping = setInterval(() => {
      if (devices[Math.floor(Math.random() * devices.length)]?.drop()) dropped += 1;
    }, DROP_EVERY_MS);

    population.start(LOOPS, PAUSE_MS);
    const warmed = await becomes(() => ledger.okBetween(0, Date.now()) >= 200 && watch.firstShown(0) !== undefined);
    if (!warmed) throw new Error(`${cell.name}: no load comes about`);

    const connects = (): number => devices.reduce((sum, device) => sum + device.connects, 0);
    const failedCalls = (): number => calls.unanswered + calls.refused + sysSends.unanswered;
    const before = { connects: connects(), dropped, failed: failedCalls(), logs: await logSizes(system) };
    const began = Date.now();
    let [kills, okDuring, recoveryMs, caughtUpMs] = [0, 0, 0, 0];
    while (kills < ROUNDS_MAX && okDuring < SENDS) {
      kills += 1;
      const killed = Date.now();
      const healed = await killAndHeal(system, cell, broken);
      if (!(await becomes(() => watch.firstShown(healed) !== undefined))) {
        broken.push(`R nothing new was accepted and shown within ${WAIT_MS} ms`);
      }
      recoveryMs = Math.max(recoveryMs, (watch.firstShown(healed) ?? Date.now()) - healed);
      if (!(await becomes(() => watch.missing(began, healed) === 0))) {
        broken.push(`R ${watch.missing(began, healed)} accepted messages are not shown everywhere after ${WAIT_MS} ms`);
      }
      // By the ledger's times: the start that was waited for above may have ended later than the backlog.
      caughtUpMs = Math.max(caughtUpMs, watch.lastShown(began, healed) - healed);
      okDuring += ledger.okBetween(killed, Date.now());
      if (broken.length > 0) break;
    }
    const ended = Date.now();
    if (recoveryMs > cell.budgetMs) broken.push(`R recovery took ${recoveryMs} ms of ${cell.budgetMs}`);
    await system.untilReady(WAIT_MS);
    const worked = cell.works && (await system.service(cell.victim as "api").metric(cell.works));

    const healthy = Date.now();
    if (!(await becomes(() => ledger.okBetween(healthy, Date.now()) >= SENDS))) broken.push("! too few sends were acknowledged afterwards");
    clearInterval(dropping);
    await population.stop();
    const okAfter = ledger.okBetween(healthy, Date.now());
    await untilQuiet(population, calls);
    const verdict = await check(population, ledger, calls);
    if (okDuring < SENDS) broken.push(`! only ${okDuring} sends were acknowledged during the fault`);
    if (cell.works && (await system.service(cell.victim as "api").metric(cell.works)) <= (worked || 0)) {
      broken.push(`! the ${cell.victim} that was started again does nothing`);
    }
    const seen: Seen = {
      failedCalls: failedCalls() - before.failed,
      brokenConnections: connects() - before.connects - (dropped - before.dropped),
      slowestMs: watch.slowest(began - 1_000, ended),
      logLines: await countLines(system, before.logs, cell.logged),
    };
    if (!cell.bit(seen)) broken.push(`! nothing shows that the fault was felt: ${JSON.stringify(seen)}`);
    return {
      cell,
      kills,
      okDuring,
      okAfter,
      unknown: verdict.unknown,
      shown: verdict.receipts,
      recoveryMs,
      caughtUpMs,
      seen,
      broken: [...broken, ...verdict.broken],
    };
  } finally {
    clearInterval(dropping);
    await population?.close();
    sysSends.close();
    await calls.close();
    await ledger.close();
  }
};

/** kill -9 at a random moment, some seconds without, and the start again. @returns when that start began, ms since 1970 */
const killAndHeal = async (system: ClusterSystem, cell: Cell, broken: string[]): Promise<number> => {
  const victim = system.victim(cell.victim);
  await sleep(Math.random() * 500);
  const { pid } = victim;
  if (pid === undefined) throw new Error(`${victim.name} does not run`);
  await victim.kill();
  await sleep(cell.downMs);
  if (alive(pid) || victim.pid !== undefined) broken.push(`! ${victim.name} was not gone`);
  const healed = Date.now();
  await victim.restart(cell.wipe);
  if (victim.pid === undefined || victim.pid === pid) broken.push(`! ${victim.name} was not started again`);
  return healed;
};
