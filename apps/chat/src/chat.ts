import { type DunlinClient, DunlinError, newClientMsgId, type SyncState } from "@dunlin/client";
import { Arrivals } from "./arrivals.js";
import { commands, type Desk, Mistake, showDialogs } from "./commands.js";
import { Names } from "./names.js";
import type { Screen } from "./screen.js";

/** How long what is typed waits for the first connection, ms. */
const CONNECT_MS = 5_000;

/** One conversation window: what is typed goes out or is a command, what arrives is shown. */
export class Chat implements Desk {
  readonly names: Names;
  readonly arrivals: Arrivals;
  #peer: string | undefined;
  #wasOnline = false;

  constructor(
    readonly client: DunlinClient,
    readonly screen: Screen,
  ) {
    this.names = new Names(client);
    this.arrivals = new Arrivals(client, screen, this.names, (peer) => {
      if (this.#peer === undefined) void this.talkTo(peer);
    });
    client.on("state", (state) => this.#show(state));
  }

  get peer(): string | undefined {
    return this.#peer;
  }

  async talkTo(peer: string): Promise<void> {
    this.#peer = peer;
    const name = await this.names.of(peer);
    this.screen.print(`  talking to ${name}`);
    this.screen.prompt(name);
  }

  /** Runs until /quit or the end of the input. */
  async run(): Promise<void> {
    await showDialogs(this);
    await this.#connect();
    for await (const line of this.screen.typed()) {
      const text = line.trim();
      if (text === "/quit") break;
      if (text !== "") await this.#typed(text);
    }
    await this.client.stop();
    await this.arrivals.shown();
    this.screen.close();
  }

  async #typed(text: string): Promise<void> {
    try {
      if (text.startsWith("/")) await this.#command(text);
      else await this.#send(text);
    } catch (error) {
      if (!(error instanceof Mistake || error instanceof DunlinError)) throw error;
      this.screen.print(`! ${error.message}`);
    }
  }

  async #command(text: string): Promise<void> {
    const [name = "", ...words] = text.slice(1).split(/\s+/);
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) throw new Mistake(`there is no /${name}; /help shows what there is`);
    await command.run(this, words);
  }

  async #send(text: string): Promise<void> {
    if (this.#peer === undefined) throw new Mistake("to whom? Say it first, e.g. /to bob");
    if (this.client.sync.state.name === "offline") throw new Mistake("you are offline: /online first");
    const clientMsgId = newClientMsgId();
    this.arrivals.sent(clientMsgId);
    await this.client.messages.send({ to: this.#peer, client_msg_id: clientMsgId, payload: { msg_type: "text", text } });
  }

  /** Waits for the first connection, so that what is piped in meets a window that sees the answers. */
  #connect(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        off();
        resolve();
      };
      const timer = setTimeout(done, CONNECT_MS);
      const off = this.client.on("state", ({ name }) => {
        if (name === "online" || name === "stopped") done();
      });
      this.client.start();
    });
  }

  #show(state: SyncState): void {
    if (state.name === "online") {
      this.screen.print("  online");
      this.#wasOnline = true;
    } else if (state.name === "waiting" && this.#wasOnline) {
      this.screen.print(`! the connection is gone (${state.reason || state.code}): trying again`);
      this.#wasOnline = false;
    } else if (state.name === "stopped") {
      this.screen.print(`! the server ended this login (${state.code} ${state.reason}): start again to log in`);
    }
  }
}
