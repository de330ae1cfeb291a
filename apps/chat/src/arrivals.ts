import type { DunlinClient, Message, Update } from "@dunlin/client";
import type { Names } from "./names.js";
import type { Screen } from "./screen.js";
import { clock, printable, saying } from "./text.js";

/** What this chat has sent itself, so as not to show it again; the latest few. */
const SENT_MAX = 1_000;

/** Shows what arrives, one after the other in the order it came, although names are looked up in between. */
export class Arrivals {
  readonly #sent = new Set<string>();
  #last: Promise<void> = Promise.resolve();

  /** @param onMessage called with each message of others, once it is shown */
  constructor(
    private readonly client: DunlinClient,
    private readonly screen: Screen,
    private readonly names: Names,
    private readonly onMessage: (peer: string) => void,
  ) {
    client.on("update", (update) => this.#enqueue(() => this.#update(update)));
    client.on("message", (message) => this.#enqueue(() => this.#message(message)));
  }

  /** Notes a message of this very window. */
  sent(clientMsgId: string): void {
    this.#sent.add(clientMsgId);
    const oldest = this.#sent.values().next().value;
    if (this.#sent.size > SENT_MAX && oldest !== undefined) this.#sent.delete(oldest);
  }

  /** Resolves when everything that has come is shown. */
  shown(): Promise<void> {
    return this.#last;
  }

  /** `09:30 bob: hi`, `09:30 tea · bob: hi`, `09:30 me → bob: hi`. */
  async line(message: Message): Promise<string> {
    const at = clock(message.created_at);
    if (message.type === "S2C") return `${at} (notice) ${saying(message)}`;
    const from = await this.names.of(message.from);
    const mine = message.from === this.client.user?.id;
    if (message.to.startsWith("U")) return `${at} ${mine ? `me → ${await this.names.of(message.to)}` : from}: ${saying(message)}`;
    return `${at} ${await this.names.of(message.to)} · ${from}: ${saying(message)}`;
  }

  #enqueue(show: () => Promise<void>): void {
    this.#last = this.#last.then(show);
  }

  async #message(message: Message): Promise<void> {
    if (this.#sent.has(message.client_msg_id) && message.from === this.client.user?.id) return;
    this.screen.print(await this.line(message));
    if (message.from !== this.client.user?.id && message.type !== "S2C") {
      this.onMessage(message.type === "C2C" ? message.from : message.to);
    }
  }

  async #update(update: Update): Promise<void> {
    const me = this.client.user?.id;
    if (update.type === "REJECT") this.screen.print(`! not delivered: ${printable(String(update["msg"]))}`);
    if (update.type === "READ" && update["user_id"] !== me) {
      // Of a group all who have read come together.
      const readers = (update["readers"] ?? [update]) as { user_id: string; read_seq: number }[];
      for (const reader of readers) this.screen.print(`  ${await this.names.of(reader.user_id)} has read up to #${reader.read_seq}`);
    }
    if (update.type === "EDIT") this.screen.print(`  edited: ${await this.line(update as unknown as Message)}`);
    if (update.type === "RECALL")
      this.screen.print(`  ${await this.names.of(String(update["by"]))} has recalled #${String(update["seq"])}`);
    if (update.type === "MEMBER") {
      const group = printable(String(update["title"]));
      this.names.learn(String(update["peer"]), group);
      const who = await Promise.all((update["user_ids"] as string[]).map((id) => this.names.of(id)));
      this.screen.print(`  ${group}: ${who.join(", ")} ${update["action"] === "created" ? "are in" : String(update["action"])}`);
    }
  }
}
