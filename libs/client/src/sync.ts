import { closeAction } from "./close-action.js";
import type { Frame } from "./connection.js";
import { Episode, type EpisodeOptions } from "./episode.js";
import { DunlinError } from "./errors.js";
import type { MessageChange } from "./message-changes.js";
import type { Message } from "./messages.js";
import type { PresenceState, TypingSignal } from "./presence.js";
import { pause } from "./retry.js";
import type { Entry } from "./supergroups.js";
import type { Update } from "./updates.js";

export type SyncState =
  /** Not started, or stopped by the app. */
  | { name: "offline" }
  | { name: "connecting" }
  /** Connected; what was missed is on its way. */
  | { name: "online" }
  /** Connects again in `ms`. */
  | { name: "waiting"; ms: number; code: number; reason: string }
  /** The server does not want this login any more: log in again. Nothing is tried by itself. */
  | { name: "stopped"; code: number; reason: string };

export interface SyncEvents {
  /** A message of a conversation, in order and once; own messages too. */
  message: Message;
  /** Any update of the log, messages included, in order and once. */
  update: Update;
  /** Any entry of a supergroup's log, messages included, in order of its seq and once. */
  entry: Entry;
  /** What became of a message, in one's own log or a supergroup's, in the order of that log; `afterChange` applies it. */
  change: MessageChange;
  /** What happened in this supergroup up to `seq` is not told one by one: load its dialog and history. */
  supergroup_reload: { id: string; seq: number };
  /** Any fleeting frame: PRESENCE, TYPING. */
  signal: Frame;
  /** Somebody whom one follows came, went, or was seen last; also what a (re)connect brings. */
  presence: PresenceState;
  /** Somebody is writing to one, at this moment. */
  typing: TypingSignal;
  /** What happened before `pts` is not told one by one: load dialogs and history. */
  reload: { pts: number };
  state: SyncState;
}

export interface SyncOptions extends EpisodeOptions {
  refresh(): Promise<void>;
  /** The last pts this app has seen; undefined when it has seen nothing yet. */
  readonly pts: number | undefined;
  onPts(pts: number): void;
}

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 30_000;

/**
 * Follows the update log: one connection at a time, kept alive, updates in order of pts, holes filled over HTTP,
 * acknowledged as far as there is no hole.
 */
export class Sync {
  #pts: number | undefined;
  #stop: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #state: SyncState = { name: "offline" };

  constructor(private readonly options: SyncOptions) {
    this.#pts = options.pts;
  }

  /** The highest pts up to which everything was handed out. */
  get pts(): number | undefined {
    return this.#pts;
  }

  get state(): SyncState {
    return this.#state;
  }

  /** Goes online and stays there until `stop`, or until the server refuses for good (state "stopped"). */
  start(): void {
    if (this.#stop && !this.#stop.signal.aborted) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#running = this.#running.then(() => this.#run(stop.signal)).finally(() => stop.abort());
  }

  /** Goes offline; resolves when no event comes any more. */
  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#running;
  }

  /** Forgets the place in the log: the next start begins with "reload". For another login. */
  forget(): void {
    this.#pts = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      this.#enter({ name: "connecting" });
      const episode = new Episode(this.options, this.#pts, (pts) => {
        this.#pts = pts;
        this.options.onPts(pts);
      });
      episode.onOnline = () => {
        failures = 0;
        this.#enter({ name: "online" });
      };
      const end = await episode.run(signal, failures);
      if (signal.aborted) break;
      const action = end.signedOut ? "stop" : closeAction(end.code);
      let final = action === "stop";
      if (action === "refresh") final = await this.#refreshFails();
      if (final) {
        this.#enter({ name: "stopped", code: end.code, reason: end.reason });
        return;
      }
      const jittered = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** failures) * (0.2 + 0.8 * Math.random());
      const ms = Math.round(end.reconnectInMs ?? (action === "refresh" ? 0 : jittered));
      failures += 1;
      this.#enter({ name: "waiting", ms, code: end.code, reason: end.reason });
      await pause(ms, signal);
    }
    this.#enter({ name: "offline" });
  }

  /** True when the login is over; other failures are met again, and waited for, at the next connect. */
  async #refreshFails(): Promise<boolean> {
    try {
      await this.options.refresh();
      return false;
    } catch (error) {
      return error instanceof DunlinError && error.signedOut;
    }
  }

  #enter(state: SyncState): void {
    this.#state = state;
    this.options.events.emit("state", state);
  }
}
