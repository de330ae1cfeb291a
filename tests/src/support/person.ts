import { randomBytes } from "node:crypto";
import { type ClientState, DunlinClient, type Entry, type Message, type SyncState, type Update, type User } from "@dunlin/client";
import { WebSocket } from "ws";
import { eventually } from "./eventually.js";
import type { System } from "./system.js";

export const PASSWORD = "correct horse battery staple";
let made = 0;

/** One device of one user, and everything it was shown. */
export class Person {
  readonly messages: Message[] = [];
  readonly updates: Update[] = [];
  /** Of supergroups' logs. */
  readonly entries: Entry[] = [];
  readonly reloads: number[] = [];
  readonly states: SyncState[] = [];
  readonly client: DunlinClient;

  private constructor(
    readonly system: System,
    readonly apiUrl: string,
    readonly account: string,
    state?: ClientState,
  ) {
    this.client = new DunlinClient({ server: apiUrl, WebSocket, platform: "desktop", ...(state ? { state } : {}) });
    this.client.on("message", (message) => this.messages.push(message));
    this.client.on("update", (update) => this.updates.push(update));
    this.client.on("entry", (entry) => this.entries.push(entry));
    this.client.on("reload", ({ pts }) => this.reloads.push(pts));
    this.client.on("state", (next) => this.states.push(next));
  }

  /** A new user on a first device; several of them spread over the apisvc. */
  static async register(system: System, name: string): Promise<Person> {
    const person = new Person(system, apiOf(system), `${name}-${randomBytes(4).toString("hex")}`);
    await person.client.register({ account: person.account, password: PASSWORD, nickname: name });
    return person;
  }

  /** The same, connected. */
  static async online(system: System, name: string): Promise<Person> {
    const person = await Person.register(system, name);
    await person.connect();
    return person;
  }

  /** Another device of this user, logged in, not connected. */
  async device(): Promise<Person> {
    const other = new Person(this.system, apiOf(this.system), this.account);
    await other.login();
    return other;
  }

  /** Logs in again on this device. */
  async login(): Promise<void> {
    await this.client.login({ account: this.account, password: PASSWORD });
  }

  /** This device as an app that was started again with what it had kept, or with another place in the log. */
  restarted(pts = this.client.state.pts): Person {
    const { pts: _, ...state } = this.client.state;
    return new Person(this.system, this.apiUrl, this.account, pts === undefined ? state : { ...state, pts });
  }

  get user(): User {
    if (!this.client.user) throw new Error(`${this.account} is not logged in`);
    return this.client.user;
  }

  get id(): string {
    return this.user.id;
  }

  async connect(): Promise<void> {
    this.client.start();
    await eventually(`${this.account} online`, () => this.client.sync.state.name === "online");
  }

  disconnect(): Promise<void> {
    return this.client.stop();
  }

  /** Waits until this device was shown `texts`, these and no others of that conversation, in this order. */
  async shows(conversationId: string, texts: readonly string[]): Promise<Message[]> {
    const shown = (): Message[] => this.messages.filter((m) => m.conversation_id === conversationId);
    await eventually(`${this.account} shows ${texts.length} messages`, () => shown().length >= texts.length);
    const got = shown().map((m) => m.payload["text"]);
    if (JSON.stringify(got) !== JSON.stringify(texts)) throw new Error(`${this.account} was shown ${JSON.stringify(got)}`);
    return shown();
  }

  /** Waits for an update that fits. */
  update(what: string, fits: (update: Update) => boolean): Promise<Update> {
    return eventually(`${this.account} gets ${what}`, () => this.updates.find(fits));
  }

  /** Waits for news of a group that fits: an update, or an entry of a supergroup's log. */
  news(what: string, fits: (news: Update | Entry) => boolean): Promise<Update | Entry> {
    return eventually(`${this.account} gets ${what}`, () => [...this.updates, ...this.entries].find(fits));
  }

  /** Calls the API with this device's token, outside the client. */
  call(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(new URL(path, this.apiUrl), {
      method,
      headers: {
        authorization: `Bearer ${this.client.accessToken}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

const apiOf = (system: System): string => system.apiUrls[made++ % system.apiUrls.length] as string;

/** Whatever persons a test makes goes offline after it. */
export class People {
  readonly #all: Person[] = [];

  constructor(private readonly system: () => System) {}

  async registered(name: string): Promise<Person> {
    return this.add(await Person.register(this.system(), name));
  }

  async online(name: string): Promise<Person> {
    return this.add(await Person.online(this.system(), name));
  }

  add(person: Person): Person {
    this.#all.push(person);
    return person;
  }

  async leave(): Promise<void> {
    await Promise.all(this.#all.splice(0).map((person) => person.disconnect()));
  }
}
