import { Auth, type CodePurpose, type Tokens } from "./auth.js";
import { Blocks } from "./blocks.js";
import { Contacts } from "./contacts.js";
import { Dialogs } from "./dialogs.js";
import { Dnd } from "./dnd.js";
import { Emitter } from "./emitter.js";
import { Files } from "./files.js";
import { Groups } from "./groups.js";
import { Http } from "./http.js";
import { Messages } from "./messages.js";
import { Presence } from "./presence.js";
import { Privacy } from "./privacy.js";
import { newDeviceId } from "./random-id.js";
import { defaultRetry, type RetryPolicy } from "./retry.js";
import { Scheduled } from "./scheduled.js";
import { Search } from "./search.js";
import { Sessions } from "./sessions.js";
import { globalSocket, type SocketConstructor } from "./socket.js";
import { SupergroupSync } from "./supergroup-sync.js";
import { Supergroups } from "./supergroups.js";
import { Sync, type SyncEvents } from "./sync.js";
import { Updates } from "./updates.js";
import { type User, Users } from "./users.js";

/** What an app keeps between runs, as JSON. It holds tokens: keep it where only the user can read it. */
export interface ClientState {
  device_id: string;
  user?: User;
  tokens?: Tokens;
  /** The last update seen: the next connection goes on behind it. */
  pts?: number;
  /** The same for the log of each supergroup. */
  supergroups?: Record<string, number>;
}

export interface DunlinClientOptions {
  /** Origin of the server's HTTP API, e.g. http://127.0.0.1:8080. */
  server: string;
  /** Needed where the platform has none (Node 20: pass that of the package `ws`). */
  WebSocket?: SocketConstructor;
  fetch?: typeof fetch;
  /** What an earlier run's `onState` was given. */
  state?: ClientState;
  /** Called with every change that is to be kept: tokens at once, pts once a tick. */
  onState?: (state: ClientState) => void;
  /** What kind of device this is. */
  platform?: string;
  /** ms; an answer that takes longer counts as none. */
  timeoutMs?: number;
  retry?: RetryPolicy;
}

const TIMEOUT_MS = 15_000;
const DIFFERENCE_LIMIT = 200;

/**
 * A Dunlin account on one device, over the public contract alone.
 *
 * ```ts
 * const client = new DunlinClient({ server: "http://127.0.0.1:8080", WebSocket });
 * await client.login({ account: "ann", password });
 * client.on("message", (m) => console.log(m.from, m.payload.text));
 * client.start();
 * await client.messages.sendText(bobsId, "hi");
 * ```
 */
export class DunlinClient {
  readonly messages: Messages;
  readonly dialogs: Dialogs;
  readonly groups: Groups;
  readonly files: Files;
  readonly users: Users;
  readonly blocks: Blocks;
  readonly contacts: Contacts;
  readonly presence: Presence;
  readonly dnd: Dnd;
  readonly privacy: Privacy;
  readonly scheduled: Scheduled;
  readonly search: Search;
  readonly sessions: Sessions;
  readonly updates: Updates;
  readonly supergroups: Supergroups;
  readonly sync: Sync;
  readonly #supergroupSync: SupergroupSync;
  readonly #auth: Auth;
  readonly #events = new Emitter<SyncEvents>();
  readonly #state: ClientState;
  #saving = false;

  constructor(private readonly options: DunlinClientOptions) {
    this.#state = options.state ? structuredClone(options.state) : { device_id: newDeviceId() };
    this.#auth = new Auth(
      () => http,
      this.#state.tokens,
      (tokens) => {
        if (tokens) this.#state.tokens = tokens;
        else delete this.#state.tokens;
        this.#save();
      },
    );
    const http = new Http({
      server: options.server,
      // Called as a plain function: a browser's fetch refuses another `this`.
      fetch: options.fetch ?? ((...args) => fetch(...args)),
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      retry: options.retry ?? defaultRetry,
      tokens: this.#auth,
    });
    this.messages = new Messages(http);
    this.dialogs = new Dialogs(http);
    this.groups = new Groups(http);
    this.files = new Files(http);
    this.users = new Users(http);
    this.blocks = new Blocks(http);
    this.contacts = new Contacts(http);
    this.dnd = new Dnd(http);
    this.presence = new Presence(http, this.#events);
    this.privacy = new Privacy(http);
    this.scheduled = new Scheduled(http);
    this.search = new Search(http);
    this.sessions = new Sessions(http);
    this.updates = new Updates(http);
    this.supergroups = new Supergroups(http);
    this.#state.supergroups ??= {};
    this.#supergroupSync = new SupergroupSync({
      events: this.#events,
      difference: (id, pts) => this.supergroups.difference(id, pts, DIFFERENCE_LIMIT),
      user: () => this.user?.id,
      places: this.#state.supergroups,
      onPlaces: () => this.#saveSoon(),
    });
    const WebSocket = options.WebSocket ?? globalSocket();
    if (!WebSocket) throw new TypeError("this platform has no WebSocket of its own: pass one in the options");
    this.sync = new Sync({
      WebSocket,
      events: this.#events,
      supergroups: this.#supergroupSync,
      gateway: () => this.updates.gateway(),
      difference: (pts) => this.updates.difference(pts, DIFFERENCE_LIMIT),
      token: () => this.#auth.access,
      refresh: () => this.#auth.refresh(),
      pts: this.#state.pts,
      onPts: (pts) => {
        this.#state.pts = pts;
        this.#saveSoon();
      },
    });
  }

  /** What is to be kept; a copy. */
  get state(): ClientState {
    return structuredClone(this.#state);
  }

  /** The account logged in, undefined before the first login. */
  get user(): User | undefined {
    return this.#state.user;
  }

  get deviceId(): string {
    return this.#state.device_id;
  }

  /** The access token now; it may be about to expire. */
  get accessToken(): string | undefined {
    return this.#auth.access;
  }

  /** Has a code sent to an e-mail address. @throws DunlinError 429 when too many were asked for. */
  requestEmailCode(email: string, purpose: CodePurpose): Promise<void> {
    return this.#auth.requestCode(email, purpose);
  }

  /** Sets a new password with a code; every session of the user ends. @throws DunlinError 880 when the code is wrong. */
  resetPassword(reset: { email: string; code: string; password: string }): Promise<void> {
    return this.#auth.resetPassword(reset);
  }

  /** Creates an account and logs in. @throws DunlinError 702 when the name is taken, 880 when the code is wrong. */
  async register(login: { account: string; password: string; nickname?: string; email?: string; code?: string }): Promise<User> {
    return this.#enter(await this.#auth.register({ ...login, ...this.#device() }));
  }

  /** @throws DunlinError 701 when account or password is wrong. */
  async login(login: { account: string; password: string }): Promise<User> {
    return this.#enter(await this.#auth.login({ ...login, ...this.#device() }));
  }

  /** Replaces the access token now; done by itself when the server asks for it. */
  refresh(): Promise<void> {
    return this.#auth.refresh();
  }

  /** Goes offline and ends the session. */
  async logout(): Promise<void> {
    await this.sync.stop();
    await this.#auth.logout();
  }

  on<K extends keyof SyncEvents>(name: K, listener: (event: SyncEvents[K]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** Connects and stays connected. */
  start(): void {
    this.sync.start();
  }

  /** Goes offline; the state stays good for the next start. */
  stop(): Promise<void> {
    return this.sync.stop();
  }

  #device(): { device_id: string; platform: string } {
    return { device_id: this.#state.device_id, platform: this.options.platform ?? "web" };
  }

  #enter(user: User): User {
    if (this.#state.user?.id !== user.id) {
      // Another account's place in the log means nothing here.
      delete this.#state.pts;
      this.sync.forget();
      this.presence.forget();
      this.#supergroupSync.forget();
    }
    this.#state.user = user;
    this.#save();
    return user;
  }

  #save(): void {
    this.options.onState?.(this.state);
  }

  #saveSoon(): void {
    if (this.#saving) return;
    this.#saving = true;
    setTimeout(() => {
      this.#saving = false;
      this.#save();
    }, 0);
  }
}
