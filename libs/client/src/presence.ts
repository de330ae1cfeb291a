import type { Frame } from "./connection.js";
import type { Emitter } from "./emitter.js";
import type { Http } from "./http.js";
import type { SyncEvents } from "./sync.js";

export interface PresenceState {
  user_id: string;
  status: "active" | "away" | "offline";
  /** When an offline user was last connected, ms since 1970; null while online, when not known, and when it is not shown. */
  last_seen: number | null;
}

/** Somebody is writing. `peer` names the dialog, as one has it oneself. */
export interface TypingSignal {
  conversation_id: string;
  peer: string;
  from: string;
}

/** As a frame tells it: without `last_seen` when the server does not know it at the moment. */
type Heard = Omit<PresenceState, "last_seen"> & { last_seen?: number | null };

/** Who is there. What one follows, and whether one is away, stays so over new connections. */
export class Presence {
  readonly #known = new Map<string, PresenceState>();
  #followed: readonly string[] = [];
  #status: "active" | "away" = "active";
  /** Counts the calls that changed what is followed: an answer to an older one comes too late. */
  #calls = 0;
  #online = false;

  constructor(
    private readonly http: Http,
    private readonly events: Emitter<SyncEvents>,
  ) {
    events.on("signal", (frame) => this.#signal(frame));
    events.on("state", ({ name }) => {
      const before = this.#online;
      this.#online = name === "online";
      if (this.#online && !before) this.#again();
    });
  }

  /** What is known of a user one follows. */
  of(userId: string): PresenceState | undefined {
    return this.#known.get(userId);
  }

  /** This device is in use, or not. Without a connection it counts from the next one on. */
  async set(status: "active" | "away"): Promise<void> {
    this.#status = status;
    if (this.#online) await this.http.request("PUT", "/v1/presence", { body: { status }, repeatable: true });
  }

  /** Follows these users, at most 500, and no others; their changes come as events "presence". @returns how it is now */
  async follow(userIds: readonly string[]): Promise<PresenceState[]> {
    this.#followed = [...userIds];
    return await this.#subscribe();
  }

  /** How it is now with these users, at most 100, whether one follows them or not. */
  async get(userIds: readonly string[]): Promise<PresenceState[]> {
    const { items } = await this.http.request<{ items: PresenceState[] }>("GET", "/v1/presence", {
      query: { user_ids: userIds.join(",") },
      repeatable: true,
    });
    return items;
  }

  /** For another login. */
  forget(): void {
    this.#followed = [];
    this.#known.clear();
    this.#status = "active";
    this.#calls += 1;
  }

  async #subscribe(): Promise<PresenceState[]> {
    this.#calls += 1;
    const call = this.#calls;
    const { items } = await this.http.request<{ items: PresenceState[] }>("PUT", "/v1/presence/subscriptions", {
      body: { user_ids: this.#followed },
      repeatable: true,
    });
    if (call !== this.#calls) return items;
    const followed = new Set(this.#followed);
    for (const userId of this.#known.keys()) if (!followed.has(userId)) this.#known.delete(userId);
    for (const state of items) this.#learn(state);
    return items;
  }

  /** A new connection begins as active, and the server's cache may have lost what is followed. */
  #again(): void {
    // Should it fail, the connection is as it would be without: nothing that an app could do about it.
    if (this.#status === "away") this.set("away").catch(() => undefined);
    if (this.#followed.length > 0) this.#subscribe().catch(() => undefined);
  }

  #signal(frame: Frame): void {
    if (frame.type === "TYPING") this.events.emit("typing", frame as Frame & TypingSignal);
    if (frame.type !== "PRESENCE" || !Array.isArray(frame["users"])) return;
    for (const user of frame["users"] as Heard[]) this.#learn(user);
  }

  #learn({ user_id, status, last_seen }: Heard): void {
    const before = this.#known.get(user_id);
    const state = { user_id, status, last_seen: last_seen === undefined ? (before?.last_seen ?? null) : last_seen };
    if (before?.status === status && before.last_seen === state.last_seen) return;
    this.#known.set(user_id, state);
    this.events.emit("presence", state);
  }
}
