// `npm run check`: every check runs, also after one has failed.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, toolEnv } from "./bootstrap.mjs";
import { floatingPromises } from "./check/floating-promises.mjs";
import { staleGenerated } from "./check/generated.mjs";
import { environmentReaders, unevenVersions, unportable } from "./check/house-rules.mjs";
import { wrongManifests } from "./check/manifests.mjs";

/** @returns what the tool said, or nothing when it was content */
const tool = (command, ...args) => {
  const done = spawnSync(command, args, { cwd: root, encoding: "utf8", env: toolEnv(), maxBuffer: 64 << 20 });
  if (done.status === 0) return [];
  return [`${done.stdout ?? ""}${done.stderr ?? ""}`.trim() || String(done.error ?? `${command} failed`)];
};

const checks = {
  "format and lint": () => tool("biome", "check", "--error-on-warnings", "--max-diagnostics=200", "."),
  types: () => tool("tsc", "-b", "--pretty", "false"),
  "floating promises": floatingPromises,
  "import direction": () => tool("depcruise", "--config", ".dependency-cruiser.mjs", "libs", "services", "apps", "tests", "bench"),
  "unused code": () => tool("knip", "--no-progress", "--no-config-hints"),
  "generated files": staleGenerated,
  "only main.ts reads the environment": environmentReaders,
  "one version of each dependency": unevenVersions,
  "nothing of this machine is named": unportable,
  "deployment manifests": wrongManifests,
};

/** @returns the exit code; what passed and failed is written to .stamps/check.json */
export const main = async (args) => {
  const wanted = Object.entries(checks).filter(([name]) => args.length === 0 || args.some((arg) => name.includes(arg)));
  let failed = 0;
  for (const [name, check] of wanted) {
    const began = performance.now();
    const problems = await Promise.resolve()
      .then(check)
      .catch((error) => [error?.stack ?? String(error)]);
    const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
    console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${name} (${took})`);
    if (problems.length === 0) continue;
    failed++;
    console.log(problems.map((problem) => `       ${problem.replaceAll("\n", "\n       ")}`).join("\n"));
  }
  mkdirSync(join(root, ".stamps"), { recursive: true });
  writeFileSync(join(root, ".stamps", "check.json"), JSON.stringify({ passed: wanted.length - failed, failed }));
  console.log(failed === 0 ? `all ${wanted.length} checks passed` : `${failed} of ${wanted.length} checks failed`);
  return failed === 0 ? 0 : 1;
};
