// Install and build, each only when its stamp in .stamps/ does not match what is there.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const pnpm = "pnpm@10.34.8";
const oldestNode = [20, 19];

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamps = join(root, ".stamps");
const bin = join(root, "node_modules", ".bin");

/** An error whose message is all that the reader needs. */
export const failure = (message) => Object.assign(new Error(message), { ready: true });

const requireNode = () => {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw failure(`Dunlin needs Node ${oldestNode.join(".")} or newer; this is ${process.versions.node}. See https://nodejs.org`);
};

/** Folders of the workspace, relative to the root. */
export const packages = () => [
  ...["libs", "services", "apps"].flatMap((group) =>
    existsSync(join(root, group)) ? readdirSync(join(root, group)).map((name) => join(group, name)) : [],
  ),
  "tests",
  "bench",
];

/** Every file below `dir` (absolute paths); none if it does not exist. */
export const filesBelow = (dir) => {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
};

const hashOf = (parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part}\n`);
  return hash.digest("hex");
};

const readStamp = (name) => {
  try {
    return readFileSync(join(stamps, name), "utf8");
  } catch {
    return undefined;
  }
};

const writeStamp = (name, value) => {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(join(stamps, name), value);
};

const run = (command, args, options) =>
  spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 64 << 20, shell: process.platform === "win32", ...options });

const runOrFail = (what, command, args, options) => {
  const done = run(command, args, options);
  if (done.error) throw failure(`${what}: ${done.error.message}`);
  if (done.status !== 0) throw failure(`${done.stdout}${done.stderr}\n${what} failed.`);
};

const installKey = () => {
  const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc", ...packages().map((p) => join(p, "package.json"))];
  const contents = files.filter((f) => existsSync(join(root, f))).map((f) => `${f}\n${readFileSync(join(root, f), "utf8")}`);
  return hashOf([pnpm, process.platform, process.arch, process.versions.modules, ...contents]);
};

/** A local program of node_modules/.bin; its own helpers (buf's plug-in) are found there too. */
export const toolEnv = () => ({ ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` });

const install = () => {
  const key = installKey();
  if (readStamp("install") === key && existsSync(join(root, "node_modules", ".modules.yaml"))) return;
  console.error("installing dependencies …");
  const env = { ...process.env, npm_config_update_notifier: "false", npm_config_fund: "false", npm_config_loglevel: "error" };
  const args = ["install", "--frozen-lockfile", "--config.confirmModulesPurge=false"];
  // Under npm the very npm that was called is used; it need not be on the PATH.
  const npm = process.env.npm_execpath;
  if (npm?.endsWith("npm-cli.js")) runOrFail("pnpm install", process.execPath, [npm, "exec", "--yes", "--", pnpm, ...args], { env });
  else runOrFail("pnpm install", "npx", ["-y", pnpm, ...args], { env });
  writeStamp("install", key);
};

const statLine = (path) => {
  const { mtimeMs, size } = statSync(path);
  return `${relative(root, path)} ${mtimeMs} ${size}`;
};

const protoFiles = () => [
  ...filesBelow(join(root, "libs/proto/proto")),
  ...["buf.yaml", "buf.gen.yaml"].map((f) => join(root, "libs/proto", f)),
];
const generated = join(root, "libs/proto/src/gen");

const buildKey = () => {
  const sources = packages().flatMap((p) => [...filesBelow(join(root, p, "src")), join(root, p, "tsconfig.json")]);
  const configs = ["tsconfig.json", "tsconfig.base.json"].map((f) => join(root, f));
  return hashOf([readStamp("install"), ...[...sources, ...configs, ...protoFiles()].filter(existsSync).map(statLine)]);
};

const built = () => packages().every((p) => existsSync(join(root, p, "dist", ".tsbuildinfo")));

const generate = () => {
  const key = hashOf([readStamp("install"), ...protoFiles().map((f) => readFileSync(f, "utf8"))]);
  if (readStamp("proto") === key && existsSync(generated)) return;
  runOrFail("buf generate", "buf", ["generate"], { cwd: join(root, "libs/proto"), env: toolEnv() });
  writeStamp("proto", key);
};

/** Outputs whose source has gone would still be run (tests) or imported (leftovers); remove them. */
const removeOrphans = () => {
  for (const pkg of packages()) {
    const dist = join(root, pkg, "dist");
    for (const output of filesBelow(dist)) {
      const stem = relative(dist, output).match(/^(.*?)(\.d\.ts|\.js|\.js\.map)$/)?.[1];
      if (stem && ![".ts", ".tsx"].some((ext) => existsSync(join(root, pkg, "src", stem + ext)))) rmSync(output);
    }
  }
};

const build = () => {
  if (readStamp("build") === buildKey() && built()) return;
  console.error("building …");
  generate();
  removeOrphans();
  runOrFail("tsc -b", "tsc", ["-b", "--pretty", "false"], { env: toolEnv() });
  writeStamp("build", buildKey());
};

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
};

/** One install or build at a time: two commands typed at once in two terminals must not tear each other's files. */
const locked = async (work) => {
  mkdirSync(stamps, { recursive: true });
  const lock = join(stamps, "lock");
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const holder = Number(readStamp("lock"));
      // An empty file is one being written at this moment; a dead holder's is left from a kill.
      if (holder > 0 && !alive(holder)) rmSync(lock, { force: true });
      await sleep(100);
    }
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
};

/** Makes the tree ready to run. @throws a ready-to-print error when the install or the build fails. */
export const bootstrap = async () => {
  requireNode();
  const installed = readStamp("install") === installKey() && existsSync(join(root, "node_modules", ".modules.yaml"));
  if (installed && readStamp("build") === buildKey() && built()) return;
  await locked(() => {
    install();
    build();
  });
};
