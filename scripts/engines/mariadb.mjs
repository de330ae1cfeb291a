import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { failure } from "../bootstrap.mjs";
import { ask, defineEngine, host, requireProgram } from "./process.mjs";

const server = () => requireProgram("mariadbd", "mariadb-server");
const installer = () => requireProgram("mariadb-install-db", "mariadb-server");

/** Run as root it wants to be told so. */
const asUser = () => (process.getuid?.() === 0 ? [`--user=${userInfo().username}`] : []);

/** The path of a Unix socket has room for 107 characters; a checkout may lie deeper than that. */
const socketOf = (dir) => {
  const path = join(dir, "s.sock");
  if (path.length <= 100) return path;
  return join(tmpdir(), `dunlin-${createHash("sha256").update(dir).digest("hex").slice(0, 16)}.sock`);
};

/** Runs at every start, before the first client is let in. The server listens on this machine only. */
const accounts = ["localhost", "%"]
  .flatMap((from) => [`CREATE USER IF NOT EXISTS 'dunlin'@'${from}' IDENTIFIED BY 'dunlin';`, `GRANT ALL ON *.* TO 'dunlin'@'${from}';`])
  .join("\n");

/** MariaDB that syncs its log at every commit, as in production. */
export const mariadb = defineEngine({
  name: "mariadb",
  setting: "IM_STORE_URL",
  defaultPort: 3306,
  startMs: 60_000,
  url: (port) => `mysql://dunlin:dunlin@${host}:${port}/dunlin`,
  require: () => [server(), installer()],
  prepare: ({ dir, data }) => {
    const init = `CREATE DATABASE IF NOT EXISTS dunlin CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n${accounts}\n`;
    writeFileSync(join(dir, "init.sql"), init);
    if (existsSync(join(data, "mysql", "db.frm"))) return;
    const args = ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db", ...asUser()];
    const done = spawnSync(installer(), args, { encoding: "utf8" });
    if (done.status !== 0) throw failure(`mariadb-install-db failed:\n${done.stdout}${done.stderr}`);
  },
  command: ({ dir, data, ports: [port] }) => ({
    file: server(),
    args: [
      "--no-defaults",
      `--datadir=${data}`,
      `--port=${port}`,
      `--bind-address=${host}`,
      `--socket=${socketOf(dir)}`,
      `--pid-file=${join(dir, "mariadbd.pid")}`,
      `--init-file=${join(dir, "init.sql")}`,
      "--innodb-flush-log-at-trx-commit=1",
      "--innodb-buffer-pool-size=512M",
      "--innodb-log-file-size=256M",
      "--max-connections=500",
      "--character-set-server=utf8mb4",
      "--collation-server=utf8mb4_bin",
      "--skip-name-resolve",
      ...asUser(),
    ],
  }),
  // The greeting of a server that lets clients in is a packet of protocol 10; a refusal begins with 0xff.
  ready: async (port) => (await ask(port))[4] === 10,
});

export const { start, attach, missing } = mariadb;
