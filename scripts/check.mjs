import { spawnSync } from "node:child_process";
import { root, toolEnv } from "./bootstrap.mjs";

/** Runs every check, also after one has failed. @returns the exit code */
export const main = async () => {
  const done = spawnSync("biome", ["check", "."], { cwd: root, stdio: "inherit", env: toolEnv() });
  return done.status ?? 1;
};
