import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./bootstrap.mjs";

/** Runs the test suites. @returns the exit code */
export const main = async (args) => {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const report = join(root, ".stamps", "vitest.json");
  const flags = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, "--passWithNoTests"];
  const done = spawnSync(process.execPath, [vitest, ...flags, ...args], { cwd: root, stdio: "inherit" });
  return done.status ?? 1;
};
