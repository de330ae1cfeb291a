// `npm test`: finds an engine for every engine suite, runs vitest, and says loudly what it left out.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./bootstrap.mjs";
import { containers, dockerAnswers } from "./containers.mjs";
import { ensureJars, jarsPresent } from "./engines/kafka.mjs";
import { ensureMinio, minioPresent } from "./engines/minio.mjs";
import { engines } from "./engines.mjs";

const report = join(root, ".stamps", "vitest.json");
const inCi = process.env.CI === "true" || process.env.CI === "1";

/** Which suites want which engine, by the ending of the file's name. */
const suitesOf = {
  kafka: "*.kafka.test.ts",
  redis: "*.redis.test.ts",
  mariadb: "*.mysql.test.ts",
  etcd: "*.etcd.test.ts",
  minio: "*.s3.test.ts",
};

/** Engines that are no package of the system: fetched or built once, which takes its time. */
const made = {
  kafka: { present: jarsPresent, ensure: ensureJars, lack: "its jars are not here; `npm run engines -- up` fetches them" },
  minio: { present: minioPresent, ensure: ensureMinio, lack: "it is not here; `npm run engines -- up` builds it with Go" },
};

/** @returns {url, how, stop?} or {reason} */
const fromDocker = async (engine) => {
  try {
    const { url, stop } = await containers[engine.name]();
    return { url, how: "Docker", stop };
  } catch (error) {
    return { reason: `Docker could not start it (${String(error?.message ?? error).split("\n")[0]})` };
  }
};

const installed = async (engine, folder) => {
  const own = made[engine.name];
  if (own && !own.present()) {
    // Fetching 46 MB and building for minutes is what CI is for; elsewhere the person decides.
    if (!inCi) return { reason: own.lack };
    try {
      own.ensure();
    } catch (error) {
      return { reason: error.message };
    }
  }
  const missing = engine.missing();
  if (missing) return { reason: missing };
  try {
    const handle = await engine.start({ dir: join(folder, engine.name) });
    return { url: handle.url, how: "installed here" };
  } catch (error) {
    return { reason: error.message };
  }
};

const find = async (engine, docker, folder) => {
  const given = process.env[engine.setting];
  if (given) return { url: given, how: engine.setting };
  const contained = docker ? await fromDocker(engine) : { reason: "no Docker" };
  if (contained.url) return contained;
  const local = await installed(engine, folder);
  return local.url ? local : { reason: `${contained.reason}; ${local.reason}` };
};

/** Ends on SIGINT and SIGTERM what runs at that moment; the engines are stopped after it, so this process must live on. */
const onSignal = (act) => {
  const listener = (signal) => act(signal);
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal).on(signal, listener);
};

const runVitest = (args, env) => {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const flags = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const child = spawn(process.execPath, [vitest, ...flags, ...args], { cwd: root, stdio: "inherit", env });
  onSignal((signal) => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
};

const skippedTests = () => {
  const { numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, "utf8"));
  return numPendingTests + numTodoTests;
};

const block = (lines) => {
  const bar = "!".repeat(100);
  console.error(`\n${bar}\n${lines.map((line) => `!! ${line}`).join("\n")}\n${bar}`);
};

/**
 * Arguments go to vitest; `--embedded` before them leaves the engine suites out on purpose.
 * @returns the exit code: vitest's, or 1 when something was left out and this is CI
 */
export const main = async (args) => {
  const embedded = args.includes("--embedded");
  const rest = args.filter((arg) => arg !== "--embedded");
  const folder = mkdtempSync(join(tmpdir(), "dunlin-test-"));
  rmSync(report, { force: true });
  let found = [];
  const stopInstalled = () => Promise.allSettled(engines.map((engine) => engine.attach({ dir: join(folder, engine.name) })?.stop()));
  onSignal(() => void stopInstalled().then(() => process.exit(1)));
  try {
    const docker = !embedded && (await dockerAnswers());
    found = await Promise.all(
      engines.map(async (engine) => ({
        engine,
        ...(embedded ? { reason: "--embedded" } : await find(engine, docker, folder)),
      })),
    );
    const env = { ...process.env };
    for (const { engine, url, how } of found) {
      if (!url) {
        delete env[engine.setting];
        continue;
      }
      env[engine.setting] = url;
      console.error(`${engine.name}: ${how}`);
    }
    let code = await runVitest(rest, env);
    const leftOut = found.filter(({ url }) => !url);
    if (leftOut.length > 0) {
      block([
        `LEFT OUT, for want of an engine${inCi ? " (in CI that is a failure)" : ""}:`,
        ...leftOut.map(({ engine, reason }) => `  ${suitesOf[engine.name].padEnd(18)} ${engine.name}: ${reason}`),
        "  *.cluster.test.ts  needs Kafka, Redis, MariaDB and etcd; without MinIO its files lie in a folder",
        "Give an engine by its IM_*_URL, by Docker, or installed on this machine (docs/operations.md).",
      ]);
      if (inCi) code ||= 1;
    }
    if (inCi && code === 0 && rest.length === 0 && skippedTests() > 0) {
      block([`${skippedTests()} tests were skipped; in CI that is a failure.`]);
      code = 1;
    }
    return code;
  } finally {
    await Promise.allSettled([stopInstalled(), ...found.map(({ stop }) => stop?.())]);
    rmSync(folder, { recursive: true, force: true });
  }
};
