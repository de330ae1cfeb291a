import { type DunlinClient, DunlinError } from "@dunlin/client";
import { printable } from "./text.js";

const MAX = 1_000;

/** What people and groups are called. Remembers the latest thousand. */
export class Names {
  readonly #names = new Map<string, Promise<string>>();

  constructor(private readonly client: DunlinClient) {}

  /** The name of a user or group; its id when it cannot be had. */
  of(peer: string): Promise<string> {
    if (peer === this.client.user?.id) return Promise.resolve("me");
    const known = this.#names.get(peer);
    if (known !== undefined) return known;
    const name = this.#ask(peer).catch((error: unknown) => {
      this.#names.delete(peer);
      if (error instanceof DunlinError) return peer;
      throw error;
    });
    this.#remember(peer, name);
    return name;
  }

  /** Notes a name that was learnt by the way. */
  learn(peer: string, name: string): void {
    this.#remember(peer, Promise.resolve(printable(name)));
  }

  #remember(peer: string, name: Promise<string>): void {
    this.#names.delete(peer);
    this.#names.set(peer, name);
    const oldest = this.#names.keys().next().value;
    if (this.#names.size > MAX && oldest !== undefined) this.#names.delete(oldest);
  }

  async #ask(peer: string): Promise<string> {
    if (peer.startsWith("U")) {
      const { account, nickname } = await this.client.users.get(peer);
      // Not everybody shows the account name.
      return printable(account === "" ? nickname : account);
    }
    return printable((await this.client.groups.get(peer)).title);
  }
}
