import { type Dialog, type DunlinClient, DunlinError } from "@dunlin/client";
import type { Arrivals } from "./arrivals.js";
import type { Names } from "./names.js";
import type { Screen } from "./screen.js";
import { saying } from "./text.js";

/** What a command works on. */
export interface Desk {
  readonly client: DunlinClient;
  readonly screen: Screen;
  readonly names: Names;
  readonly arrivals: Arrivals;
  /** Whom one talks to, undefined before the first /to. */
  readonly peer: string | undefined;
  talkTo(peer: string): Promise<void>;
}

/** A mistake of the person at the keyboard; the message says what to do. */
export class Mistake extends Error {
  override readonly name = "Mistake";
}

interface Command {
  readonly usage: string;
  readonly help: string;
  run(desk: Desk, words: string[]): Promise<void>;
}

const current = (desk: Desk): string => {
  if (desk.peer === undefined) throw new Mistake("to whom? Say it first, e.g. /to bob");
  return desk.peer;
};

const userId = async (desk: Desk, account: string): Promise<string> => {
  try {
    const user = await desk.client.users.byAccount(account);
    desk.names.learn(user.id, user.account);
    return user.id;
  } catch (error) {
    if (error instanceof DunlinError && error.status === 404) throw new Mistake(`nobody is called ${account} (yet)`);
    throw error;
  }
};

/** Every dialog, page by page, up to some hundreds. */
const allDialogs = async (client: DunlinClient): Promise<Dialog[]> => {
  const dialogs: Dialog[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof client.dialogs.list>> = await client.dialogs.list(cursor === null ? {} : { cursor });
    dialogs.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null && dialogs.length < 500);
  return dialogs;
};

export const showDialogs = async ({ client, screen, names }: Desk): Promise<void> => {
  const dialogs = await allDialogs(client);
  if (dialogs.length === 0) screen.print("no conversations yet: /to <account> begins one");
  for (const dialog of dialogs) {
    const unread = dialog.unread > 0 ? ` (${dialog.unread} unread)` : "";
    const top = dialog.top_message ? `: ${saying(dialog.top_message)}` : "";
    screen.print(`  ${await names.of(dialog.peer)}${unread}${top}`);
  }
};

const HISTORY_DEFAULT = 10;
const HISTORY_MAX = 100;

export const commands: Readonly<Record<string, Command>> = {
  to: {
    usage: "/to <account or group title>",
    help: "talk to somebody",
    run: async (desk, words) => {
      const name = words.join(" ");
      if (name === "") throw new Mistake("usage: /to <account or group title>");
      const group = (await allDialogs(desk.client)).find((d) => d.kind === "group" && d.title === name);
      await desk.talkTo(group?.peer ?? (await userId(desk, name)));
    },
  },
  dialogs: { usage: "/dialogs", help: "your conversations, with what is unread", run: (desk) => showDialogs(desk) },
  history: {
    usage: "/history [n]",
    help: "the last n messages of this conversation",
    run: async (desk, [count]) => {
      const limit = count === undefined ? HISTORY_DEFAULT : Number(count);
      if (!Number.isInteger(limit) || limit < 1 || limit > HISTORY_MAX) throw new Mistake(`n is a number from 1 to ${HISTORY_MAX}`);
      const { items } = await desk.client.dialogs.history(current(desk), { limit });
      if (items.length === 0) desk.screen.print("  nothing yet");
      for (const message of items) desk.screen.print(`  #${message.seq} ${await desk.arrivals.line(message)}`);
    },
  },
  read: {
    usage: "/read",
    help: "mark this conversation as read",
    run: async (desk) => {
      const dialog = await desk.client.dialogs.get(current(desk));
      if (dialog.unread > 0) await desk.client.dialogs.read(dialog.peer, dialog.top_seq);
      desk.screen.print(`  read up to #${dialog.top_seq}`);
    },
  },
  group: {
    usage: "/group <title> <account> …",
    help: "make a group and talk to it",
    run: async (desk, [title, ...accounts]) => {
      if (title === undefined || accounts.length === 0) throw new Mistake("usage: /group <title> <account> …");
      const members: string[] = [];
      for (const account of accounts) members.push(await userId(desk, account));
      const group = await desk.client.groups.create(title, members);
      desk.names.learn(group.id, title);
      await desk.talkTo(group.id);
    },
  },
  who: {
    usage: "/who",
    help: "who is in this conversation",
    run: async (desk) => {
      const peer = current(desk);
      if (peer.startsWith("U")) return desk.screen.print(`  me and ${await desk.names.of(peer)}`);
      const { items } = await desk.client.groups.members(peer);
      for (const { user_id, role } of items) {
        desk.screen.print(`  ${await desk.names.of(user_id)}${role === "member" ? "" : ` (${role})`}`);
      }
    },
  },
  offline: {
    usage: "/offline",
    help: "leave the line; others can write all the same",
    run: async ({ client, screen }) => {
      await client.stop();
      screen.print("  offline: /online brings you back");
    },
  },
  online: {
    usage: "/online",
    help: "come back and catch up",
    run: async ({ client, screen }) => {
      const missed = client.sync.pts === undefined ? 0 : (await client.updates.difference(client.sync.pts, 1)).pts - client.sync.pts;
      if (client.sync.state.name === "offline" && missed > 0) screen.print(`  ${missed} to catch up with`);
      client.start();
    },
  },
  help: {
    usage: "/help",
    help: "this",
    run: async ({ screen }) => {
      for (const { usage, help } of Object.values(commands)) screen.print(`  ${usage.padEnd(30)} ${help}`);
      screen.print(`  ${"/quit".padEnd(30)} leave\n  Anything else is sent to whom you talk to.`);
    },
  },
};
