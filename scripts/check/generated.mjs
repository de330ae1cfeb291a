import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { filesBelow, root, toolEnv } from "../bootstrap.mjs";

const contentsOf = (folder) => new Map(filesBelow(folder).map((path) => [relative(folder, path), readFileSync(path, "utf8")]));

/** What the .proto files generate now, against what the code was compiled with. @returns one line for each difference */
export const staleGenerated = () => {
  const proto = join(root, "libs", "proto");
  const folder = mkdtempSync(join(tmpdir(), "dunlin-gen-"));
  try {
    const run = (...args) => spawnSync("buf", args, { cwd: proto, encoding: "utf8", env: toolEnv() });
    const lint = run("lint");
    if (lint.status !== 0) return [lint.stdout + lint.stderr];
    const done = run("generate", "-o", folder);
    if (done.status !== 0) return [done.stdout + done.stderr];
    const fresh = contentsOf(join(folder, "src", "gen"));
    const present = contentsOf(join(proto, "src", "gen"));
    return [...new Set([...fresh.keys(), ...present.keys()])]
      .filter((name) => fresh.get(name) !== present.get(name))
      .map((name) => `libs/proto/src/gen/${name} is not what its .proto generates`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
