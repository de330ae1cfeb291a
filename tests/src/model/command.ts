import { withRealEngines } from "../support/real-engines.js";
import { startSuiteSystem } from "../support/suite-system.js";
import { playHistories, showFailure } from "./histories.js";
import { modelSettings } from "./settings.js";

export interface ModelRun {
  readonly seed: number;
  readonly histories: number;
  readonly operations: number;
  /** On the engines that the environment names instead of embedded ones. */
  readonly engines: boolean;
  say(line: string): void;
}

const AT_ONCE = 8;

/** Many histories against one process. @returns what did not agree, in words */
export const runModel = async ({ engines, say, ...run }: ModelRun): Promise<readonly string[]> => {
  say(`model: ${run.histories} histories of ${run.operations} operations from seed ${run.seed}`);
  const start = (more: Record<string, string> = {}) => startSuiteSystem({ ...more, ...modelSettings });
  const system = engines ? await withRealEngines(start) : await start();
  const began = performance.now();
  try {
    const result = await playHistories({ ...run, system, atOnce: AT_ONCE, say });
    for (const [name, { done, refused, nothing }] of [...result.outcomes].sort()) {
      say(`  ${name.padEnd(14)} ${done} done, ${refused} refused, ${nothing} without anything to do it to`);
    }
    const seconds = ((performance.now() - began) / 1_000).toFixed(0);
    say(`${result.played} histories, ${result.operations} operations, ${result.messages} messages accepted, ${seconds} s`);
    const failures = result.failures.map(showFailure);
    for (const failure of failures) say(failure);
    return failures;
  } finally {
    await system.stop();
  }
};
