import { parseArgs } from "node:util";

export interface ChatOptions {
  account: string;
  /** Origin of the HTTP API. */
  server: string;
  password: string;
  /** One state file a device: two devices are two windows of one account. */
  device: string;
  stateDir: string;
}

/** Wrong arguments; the message is ready to print. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const usage = `usage: npm run chat -- <account> [options]

  --server <url>       where Dunlin's HTTP API is    (default: http://127.0.0.1:8080)
  --password <text>    the account's password        (default: chat-<account>-dev, on this machine only)
  --device <name>      a second device of yours      (default: terminal)
  --state <folder>     where logins are kept         (default: ./.dunlin-chat)
  --help

The account is created when there is none. Type /help inside for what you can do.
`;

/** A well-known password is for trying things out on one's own machine, nowhere else. */
const developmentPassword = (account: string, server: URL): string => {
  if (["127.0.0.1", "localhost", "[::1]"].includes(server.hostname)) return `chat-${account}-dev`;
  throw new UsageError(`${server.host} is not this machine: choose a password with --password`);
};

/** What the server takes as an account, and what makes a file name. */
const NAME = /^[a-z0-9][a-z0-9._@+-]{1,63}$/;

/** @returns undefined when help is asked for. @throws UsageError */
export const parseOptions = (args: readonly string[]): ChatOptions | undefined => {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help) return undefined;
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UsageError("exactly one account is needed, e.g. npm run chat -- ann");
  // Small and capital letters are one account.
  const account = name.toLowerCase();
  if (!NAME.test(account)) throw new UsageError(`"${account}" is no account name: 2 to 64 letters, digits and . _ @ + -`);
  if (!NAME.test(values.device)) throw new UsageError(`"${values.device}" is no device name: 2 to 64 small letters, digits and . _ @ + -`);
  if (!URL.canParse(values.server) || !/^https?:/.test(values.server)) {
    throw new UsageError(`--server takes an http:// or https:// address, not "${values.server}"`);
  }
  const server = new URL(values.server);
  return {
    account,
    server: server.origin,
    password: values.password ?? developmentPassword(account, server),
    device: values.device,
    stateDir: values.state,
  };
};

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      server: { type: "string", default: "http://127.0.0.1:8080" },
      password: { type: "string" },
      device: { type: "string", default: "terminal" },
      state: { type: "string", default: ".dunlin-chat" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
