// `npm run engines -- up|down|status`: the real engines as local processes, data in .engines/.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failure, root } from "./bootstrap.mjs";
import { etcd } from "./engines/etcd.mjs";
import { kafka } from "./engines/kafka.mjs";
import { mariadb } from "./engines/mariadb.mjs";
import { minio } from "./engines/minio.mjs";
import { redis } from "./engines/redis.mjs";

export const engines = [kafka, redis, mariadb, etcd, minio];
const home = join(root, ".engines");
const envFile = join(home, "env");
const dirOf = (engine) => join(home, engine.name);

const up = async () => {
  const missing = engines.map((engine) => engine.missing()).filter(Boolean);
  if (missing.length > 0) throw failure(missing.join("\n"));
  mkdirSync(home, { recursive: true });
  const started = await Promise.allSettled(engines.map((engine) => engine.start({ dir: dirOf(engine), port: engine.defaultPort })));
  const failed = started.filter((result) => result.status === "rejected");
  if (failed.length > 0) throw failure(failed.map((result) => result.reason?.message ?? String(result.reason)).join("\n"));
  const lines = started.map(({ value }) => `export ${value.setting}=${value.url}\n`).join("");
  writeFileSync(envFile, lines);
  process.stdout.write(lines);
  console.error("# Written to .engines/env as well. Services on real engines also need IM_AUTH_KEY, at least 32 bytes.");
};

const down = async () => {
  await Promise.all(engines.map((engine) => engine.attach({ dir: dirOf(engine) })?.stop()));
  rmSync(envFile, { force: true });
};

const status = () => {
  let all = true;
  for (const engine of engines) {
    const handle = engine.attach({ dir: dirOf(engine) });
    const pid = handle?.pid;
    all &&= pid !== undefined;
    console.log(`${engine.name.padEnd(8)} ${pid === undefined ? "stopped" : `running  pid ${pid}  ${handle.url}`}`);
  }
  return all ? 0 : 3;
};

/** @returns the exit code; `status` answers 3 when an engine is not running */
export const main = async ([command]) => {
  if (command === "up") await up();
  else if (command === "down") await down();
  else if (command === "status") return status();
  else {
    console.error("usage: npm run engines -- up|down|status");
    return 2;
  }
  return 0;
};
