import type { System } from "../support/system.js";
import type { MakeState } from "./device.js";
import { playHistory } from "./history.js";
import { historyOf, type Operation, type OperationName, showOperation } from "./operations.js";
import type { Outcome } from "./perform.js";

export interface HistoriesOptions {
  readonly system: System;
  readonly seed: number;
  readonly histories: number;
  /** Operations in each. */
  readonly operations: number;
  /** Histories played at the same time, each by users of its own. */
  readonly atOnce: number;
  /** A device that forgets something, to see that it is found. */
  readonly make?: MakeState;
  /** It ends when so many have failed. */
  readonly failuresMax?: number;
  readonly say?: (line: string) => void;
}

export interface Failure {
  /** Plays this history alone, as the first one. */
  readonly seed: number;
  readonly problems: readonly string[];
  /** The shortest that was found to fail. */
  readonly operations: readonly Operation[];
}

export interface HistoriesResult {
  readonly played: number;
  readonly operations: number;
  readonly messages: number;
  readonly outcomes: ReadonlyMap<OperationName, Readonly<Record<Outcome, number>>>;
  readonly failures: readonly Failure[];
}

const FAILURES_MAX = 3;
const ATTEMPTS_MAX = 40;

/** Half of the histories play their operations one after the other, half in bursts. */
const togetherOf = (seed: number): number => (seed % 2 === 0 ? 1 : 4);

/** Takes away what a failure does not need: halves first, then smaller pieces. */
const shrink = async (
  operations: readonly Operation[],
  fails: (operations: readonly Operation[]) => Promise<readonly string[]>,
): Promise<{ operations: readonly Operation[]; problems: readonly string[] | undefined }> => {
  let left = operations;
  let problems: readonly string[] | undefined;
  let attempts = 0;
  for (let size = Math.ceil(left.length / 2); size >= 1 && attempts < ATTEMPTS_MAX; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = left.length - size; at > -size && attempts < ATTEMPTS_MAX; at -= size) {
      const shorter = [...left.slice(0, Math.max(0, at)), ...left.slice(at + size)];
      attempts += 1;
      const found = await fails(shorter);
      if (found.length === 0) continue;
      left = shorter;
      problems = found;
    }
  }
  return { operations: left, problems };
};

/** Plays many histories on one system. History i is that of the seed plus i. */
export const playHistories = async (options: HistoriesOptions): Promise<HistoriesResult> => {
  const { system, seed, histories, operations, atOnce, make, failuresMax = FAILURES_MAX, say = () => {} } = options;
  const failures: Failure[] = [];
  const outcomes = new Map<OperationName, Record<Outcome, number>>();
  let next = 0;
  let played = 0;
  let messages = 0;
  let performed = 0;
  const play = (one: number, list: readonly Operation[]) =>
    playHistory({ system, operations: list, together: togetherOf(one), ...(make ? { make } : {}) });
  const worker = async (): Promise<void> => {
    while (next < histories && failures.length < failuresMax) {
      const own = seed + next++;
      const history = historyOf(own, operations);
      const result = await play(own, history);
      played += 1;
      messages += result.messages;
      for (const [name, counts] of result.outcomes) {
        const sum = outcomes.get(name) ?? { done: 0, refused: 0, nothing: 0 };
        outcomes.set(name, sum);
        for (const key of Object.keys(counts) as Outcome[]) {
          sum[key] += counts[key];
          performed += counts[key];
        }
      }
      if (played % 50 === 0) say(`${played} of ${histories} histories, ${messages} messages`);
      if (result.problems.length === 0) continue;
      if (failures.length >= failuresMax) continue;
      say(`the history of seed ${own} fails: ${result.problems[0]}`);
      const failure = { seed: own, problems: result.problems, operations: history };
      failures.push(failure);
      const { operations: left, problems } = await shrink(history, async (list) => (await play(own, list)).problems);
      failures[failures.indexOf(failure)] = { seed: own, problems: problems ?? result.problems, operations: left };
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, histories) }, worker));
  return { played, operations: performed, messages, outcomes, failures };
};

/** A failure as a person reads it. */
export const showFailure = ({ seed, problems, operations }: Failure): string =>
  [
    `seed ${seed}, ${operations.length} operations:`,
    ...operations.map((one) => `  ${showOperation(one)}`),
    ...problems.map((line) => `  ! ${line}`),
  ].join("\n");
