import { type ClientState, DunlinClient } from "@dunlin/client";
import { WebSocket } from "ws";
import { eventually } from "../support/eventually.js";
import type { DeviceState, Wanted } from "./device-state.js";
import { Loader } from "./loading.js";
import { type View, viewOf } from "./view.js";

const ONLINE_MS = 30_000;

/** Makes a device's reducer; a test of the test makes one that forgets something. */
export type MakeState = (me: string) => DeviceState;

/**
 * A device: the SDK's client follows the logs, the reducer keeps what they say. Loading takes its turn among the frames: those
 * that come meanwhile wait.
 */
export class Device {
  state: DeviceState;
  client: DunlinClient;
  /** Ids of messages that it has been shown, or told to be refused. */
  readonly settled = new Set<string>();
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failure: unknown;

  constructor(
    private readonly server: string,
    private readonly me: string,
    private readonly make: MakeState,
    /** Tokens and device id; no place in any log. */
    private readonly login: ClientState,
  ) {
    this.state = make(me);
    this.client = this.#open(login);
  }

  #open(state: ClientState): DunlinClient {
    const client = new DunlinClient({ server: this.server, WebSocket, state });
    client.on("update", (update) => {
      if (update.type === "REJECT") this.settled.add(String(update["id"]));
      this.#then(() => this.#load(this.state.update(update)));
    });
    client.on("message", ({ id }) => this.settled.add(id));
    client.on("entry", (entry) => this.#then(() => this.#load(this.state.entry(entry))));
    client.on("reload", ({ pts }) => this.#then(() => this.#reload(pts)));
    client.on("supergroup_reload", ({ id }) => this.#then(() => this.#loader.conversation(id)));
    return client;
  }

  get #loader(): Loader {
    return new Loader(this.client, this.state, Number.POSITIVE_INFINITY);
  }

  #then(work: () => Promise<void> | void): void {
    this.#waiting += 1;
    this.#work = this.#work
      .then(work)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  async #load(wanted: readonly Wanted[]): Promise<void> {
    for (const { what, peer } of wanted) await this.#loader[what](peer);
  }

  async #reload(pts: number): Promise<void> {
    const blank = pts === 0 && this.state.dialogs.size === 0;
    if (blank) return;
    this.state = this.make(this.me);
    await this.#loader.everything();
  }

  get connected(): boolean {
    return this.client.sync.state.name !== "offline";
  }

  async connect(): Promise<void> {
    this.client.start();
    // Whoever asked for the opposite at the same time may have won.
    await eventually("a device is online, or off again", () => ["online", "offline"].includes(this.client.sync.state.name), ONLINE_MS);
  }

  async disconnect(): Promise<void> {
    await this.client.stop();
    await this.idle();
  }

  /** The app is installed anew: the same login, and nothing known. */
  async startAnew(): Promise<void> {
    await this.disconnect();
    this.state = this.make(this.me);
    this.client = this.#open(this.login);
    await this.connect();
  }

  /** All that came is worked in. @throws what went wrong meanwhile */
  async idle(): Promise<void> {
    while (this.#waiting > 0) await this.#work;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Whether this device has got to these places: its user's newest pts, and the ends of the supergroups' logs. */
  reached(pts: number, supergroups: ReadonlyMap<string, number>): boolean {
    if (this.#waiting > 0 || (this.client.sync.pts ?? 0) < pts) return false;
    const places = this.client.state.supergroups ?? {};
    return [...supergroups].every(([id, seq]) => (places[id] ?? -1) >= seq);
  }

  async view(): Promise<View> {
    for (const { peer, kind, leftSeq, listed } of this.state.dialogs.values()) {
      if (kind === "supergroup" && leftSeq !== null && listed) await this.#loader.open(peer);
    }
    return viewOf(this.state);
  }
}
