// The one way in: `node scripts/run.mjs <command> [args]`. It needs Node and npm, nothing else: it installs and builds
// what is missing, then hands over. An unchanged tree costs some milliseconds, so a second `npm start` is quick.
import { existsSync } from "node:fs";
import module from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bootstrap, root } from "./bootstrap.mjs";

/** Commands that are programs of the workspace, by their built entry point. */
const programs = {
  start: "libs/suite/dist/main.js",
  bench: "bench/dist/main.js",
  fault: "tests/dist/fault/main.js",
  chat: "apps/chat/dist/main.js",
};

/** Commands that are scripts, by module. Each exports `main(args)`, which answers the exit code. */
const scripts = { test: "./test.mjs", check: "./check.mjs", engines: "./engines.mjs" };

/**
 * Ctrl-C under npm arrives twice, once from the terminal and once from npm. The second must not cut the drain short that
 * the first began; a later one, from an impatient hand, may.
 */
const guardSignals = () => {
  let first = 0;
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ]) {
    process.on(signal, () => {
      const handled = process.listenerCount(signal) > 1;
      const now = Date.now();
      if (first === 0) {
        first = now;
        if (!handled) process.exit(code);
      } else if (signal === "SIGINT" && now - first > 1000) process.exit(code);
    });
  }
};

/**
 * npm runs a script through a shell, and signals the shell, not what runs in it: it would live on without a parent. So
 * losing the parent counts as SIGTERM. (`npm start` has the shell replace itself, which is better: npm waits for the end.)
 */
const endWithParent = () => {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, 250);
  watch.unref();
};

/** Runs a built program in this very process: no second start of Node, and signals and exit codes are its own. */
const runProgram = async (command, args) => {
  const entry = join(root, programs[command]);
  if (!existsSync(entry)) throw new Error(`${programs[command]} is missing: has its source moved?`);
  module.enableCompileCache?.(join(root, ".stamps", "compile-cache"));
  process.argv.splice(1, process.argv.length, entry, ...args);
  if (command === "start") {
    process.env.NODE_ENV ??= "production";
    guardSignals();
  }
  await import(pathToFileURL(entry).href);
};

const [command, ...args] = process.argv.slice(2);
endWithParent();
try {
  if (command === "build") await bootstrap();
  else if (command in programs) {
    await bootstrap();
    await runProgram(command, args);
  } else if (command in scripts) {
    // Engines need no build: they must come up even when the code does not compile.
    if (command !== "engines") await bootstrap();
    const { main } = await import(scripts[command]);
    process.exitCode = await main(args);
  } else {
    console.error(`usage: node scripts/run.mjs build|${[...Object.keys(programs), ...Object.keys(scripts)].join("|")} [args]`);
    process.exitCode = 2;
  }
} catch (error) {
  console.error(error?.ready ? error.message : error);
  process.exit(1);
}
