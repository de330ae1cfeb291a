import { ACCOUNT_TAKEN, CREDENTIALS_WRONG, DunlinClient, DunlinError } from "@dunlin/client";
import { WebSocket } from "ws";
import { Chat } from "./chat.js";
import { enter } from "./login.js";
import { type ChatOptions, parseOptions, UsageError, usage } from "./options.js";
import { Screen } from "./screen.js";
import { StateFile } from "./state-file.js";

/** A person waits: better an early word than many tries. */
const RETRY = { attempts: 3, baseMs: 200, capMs: 5_000 };

const run = async (options: ChatOptions): Promise<void> => {
  const file = new StateFile(options.stateDir, options.server, options.account, options.device);
  const state = file.load();
  const client = new DunlinClient({
    server: options.server,
    WebSocket,
    platform: "desktop",
    retry: RETRY,
    onState: (next) => file.save(next),
    ...(state ? { state } : {}),
  });
  const entry = await enter(client, options.account, options.password);
  const screen = new Screen(process.stdin, process.stdout);
  screen.print(`${options.account}, ${entry} at ${options.server}. /help shows what you can do, /quit leaves.`);
  await new Chat(client, screen).run();
  file.save(client.state);
};

/** What went wrong, in words that say what to do. */
const explain = (error: unknown, server: string): string => {
  if (!(error instanceof DunlinError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (error.code === "network") return `there is no answer from ${server}. Is Dunlin running? Start it with: npm start`;
  if (error.code === CREDENTIALS_WRONG || error.code === ACCOUNT_TAKEN) return error.message;
  return `${server} answered: ${error.message} (code ${error.code}${error.requestId ? `, request ${error.requestId}` : ""})`;
};

let server = "";
try {
  const options = parseOptions(process.argv.slice(2));
  if (options) {
    server = options.server;
    await run(options);
  } else process.stdout.write(usage);
} catch (error) {
  process.stderr.write(error instanceof UsageError ? `${error.message}\n\n${usage}` : `${explain(error, server)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
