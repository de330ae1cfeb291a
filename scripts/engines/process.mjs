// What the engines share: a local server process whose data, log and state live in one folder, which outlives the
// command that started it, and which is only ever ended when it is certain that its pid still is that process.
import { spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { failure } from "../bootstrap.mjs";

export const host = "127.0.0.1";

/** The path of an installed program, or undefined. Debian keeps servers in sbin, which a user's PATH may lack. */
export const findProgram = (name) => {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/sbin"];
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
};

/** @throws when the program is missing, saying which Debian packages bring it */
export const requireProgram = (name, debianPackages) => {
  const path = findProgram(name);
  if (!path) throw failure(`${name} is not installed. On Debian: apt-get install ${debianPackages}`);
  return path;
};

/**
 * What tells one process from a later one with the same pid: when it started.
 * @returns undefined when no such process runs
 */
const identityOf = (pid) => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return undefined;
  }
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[0] === "Z" ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  const ps = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return ps.stdout?.trim() || undefined;
};

const listenOnce = (port) =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host, exclusive: true }, () => {
      const chosen = server.address().port;
      server.close(() => resolve(chosen));
    });
  });

/** The port itself when it is free, else another free one. 0: any. */
export const freePort = (wanted = 0) => listenOnce(wanted).catch(() => listenOnce(0));

/**
 * Sends `request` (or waits for a greeting, when there is none) and answers what comes back first.
 * @throws when nothing answers in 2 s
 */
export const ask = (port, request) =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host });
    const done = (settle, value) => {
      socket.destroy();
      settle(value);
    };
    socket.setTimeout(2000, () => done(reject, new Error("no answer")));
    socket.once("error", (error) => done(reject, error));
    socket.once("close", () => done(reject, new Error("closed without an answer")));
    socket.once("connect", () => request && socket.write(request));
    socket.once("data", (data) => done(resolve, data));
  });

const readState = (dir) => {
  try {
    return JSON.parse(readFileSync(join(dir, "engine.json"), "utf8"));
  } catch {
    return undefined;
  }
};

/** A half-written state file would forget a running process, so it is swapped in whole. */
const writeState = (dir, state) => {
  const path = join(dir, "engine.json");
  writeFileSync(`${path}.new`, JSON.stringify(state));
  renameSync(`${path}.new`, path);
};

const running = (state) => state?.pid !== undefined && identityOf(state.pid) === state.identity;

/** Sends a signal; a process that has just ended is no error. */
const signalTo = (pid, signal) => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
};

const lastLines = (file) => (existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").slice(-15).join("\n") : "");

/**
 * An engine by its description:
 * - `name`, `defaultPort`, `setting` (the variable its URL goes into), `url(port)`
 * - `ports`: how many ports it needs besides the one for clients
 * - `prepare({dir, data, ports})`: makes the data folder ready; runs before every start
 * - `command({dir, data, ports})` → `{file, args, env?}`
 * - `ready(port)`: whether it really serves; may throw instead of answering false
 * - `startMs`: how long a start may take
 */
export const defineEngine = (engine) => {
  const handleOf = (dir) => {
    const state = () => readState(dir);
    const handle = {
      name: engine.name,
      dir,
      setting: engine.setting,
      get pid() {
        const current = state();
        return running(current) ? current.pid : undefined;
      },
      get port() {
        return state()?.ports[0];
      },
      get url() {
        return engine.url(handle.port);
      },
      kill: async (signal = "SIGKILL") => {
        const current = state();
        if (!running(current)) return;
        signalTo(current.pid, signal);
        if (signal !== "SIGKILL") return;
        while (running(current)) await sleep(10);
      },
      stop: async () => {
        const current = state();
        if (!running(current)) return;
        signalTo(current.pid, "SIGTERM");
        // One that is stopped (SIGSTOP) would never see the signal.
        signalTo(current.pid, "SIGCONT");
        const deadline = Date.now() + 20_000;
        while (running(current)) {
          if (Date.now() > deadline) signalTo(current.pid, "SIGKILL");
          await sleep(20);
        }
      },
      restart: async ({ wipe = false } = {}) => {
        await handle.kill("SIGKILL");
        if (wipe) rmSync(join(dir, "data"), { recursive: true, force: true });
        await launch(dir, state().ports);
      },
    };
    return handle;
  };

  const waitUntilReady = async (state, log) => {
    const deadline = Date.now() + (engine.startMs ?? 20_000);
    for (;;) {
      if (!running(state)) throw failure(`${engine.name} ended while it started. ${log}:\n${lastLines(log)}`);
      if (await Promise.resolve(engine.ready(state.ports[0])).catch(() => false)) return;
      if (Date.now() > deadline) throw failure(`${engine.name} was not ready in time. ${log}:\n${lastLines(log)}`);
      await sleep(50);
    }
  };

  const launch = async (dir, ports) => {
    const data = join(dir, "data");
    const log = join(dir, `${engine.name}.log`);
    mkdirSync(data, { recursive: true });
    engine.prepare?.({ dir, data, ports });
    const { file, args, env } = engine.command({ dir, data, ports });
    if (existsSync(log)) renameSync(log, `${log}.old`);
    const out = openSync(log, "a");
    // A session of its own: Ctrl-C in the terminal that started it must not end it.
    const child = spawn(file, args, { cwd: dir, detached: true, stdio: ["ignore", out, out], env: { ...process.env, ...env } });
    closeSync(out);
    child.on("error", () => {});
    if (child.pid === undefined) throw failure(`${file} could not be started`);
    child.unref();
    const state = { pid: child.pid, identity: identityOf(child.pid), ports };
    writeState(dir, state);
    await waitUntilReady(state, log);
  };

  return {
    name: engine.name,
    setting: engine.setting,
    defaultPort: engine.defaultPort,
    /** Why it cannot be started here, or undefined. */
    missing: () => {
      try {
        engine.require();
        return undefined;
      } catch (error) {
        return error.message;
      }
    },
    /** The engine that was started in this folder before, whether it runs or not; undefined if there was none. */
    attach: ({ dir }) => (readState(dir) ? handleOf(dir) : undefined),
    /**
     * Starts the engine in `dir`, or finds it running there. Answers when it serves.
     * `port`: asked for; another is taken when it is in use. Without it: the one it had before, else any free one.
     */
    start: async ({ dir, port }) => {
      engine.require();
      mkdirSync(dir, { recursive: true });
      const before = readState(dir);
      if (running(before)) {
        await waitUntilReady(before, join(dir, `${engine.name}.log`));
        return handleOf(dir);
      }
      const ports = [await freePort(before?.ports[0] ?? port)];
      for (let i = 0; i < (engine.ports ?? 0); i++) ports.push(await freePort(before?.ports[i + 1]));
      await launch(dir, ports);
      return handleOf(dir);
    },
  };
};
