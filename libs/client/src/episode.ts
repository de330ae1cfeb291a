import { Connection, type ConnectionEnd, type Frame } from "./connection.js";
import type { Emitter } from "./emitter.js";
import { DunlinError } from "./errors.js";
import { changeOf } from "./message-changes.js";
import { pause } from "./retry.js";
import { Sequence } from "./sequence.js";
import type { SocketConstructor } from "./socket.js";
import type { SyncEvents } from "./sync.js";
import { type Difference, type Gateway, messageOf, type Update } from "./updates.js";

/** What an episode works with: the calls it makes and where its events go. */
export interface EpisodeOptions {
  readonly WebSocket: SocketConstructor;
  readonly events: Emitter<SyncEvents>;
  gateway(): Promise<Gateway>;
  difference(pts: number): Promise<Difference>;
  /** Takes what is of supergroups' logs; undefined: there is nobody to follow them. */
  readonly supergroups?: { frame(frame: Frame): boolean; update(update: Update): void };
  /** The access token now. */
  token(): string | undefined;
}

const HELLO_TIMEOUT_MS = 10_000;
/**
 * The first acknowledgement goes out at once, the next ones together at this pace: one covers all before it, so that in a
 * busy conversation they cost a fraction of the messages. Far below the 2 s after which the server sends again.
 */
const ACK_INTERVAL_MS = 200;
/** So many updates are not left waiting for the pace: the server's window must not run full. */
const ACK_UPDATES = 64;
/** A hole that the difference does not close so many times is not waited for: connect anew. */
const FILL_TRIES = 5;
const FILL_PAUSE_MS = 200;
const PROTOCOLS = ["text"];

export interface EpisodeEnd extends ConnectionEnd {
  /** The login is over. */
  signedOut?: boolean;
  /** When the server asked to come back, ms from now. */
  reconnectInMs?: number;
}

/** One connection's time: from asking for a gateway to the close. */
export class Episode {
  onOnline: () => void = () => {};
  readonly #sequence: Sequence<Update>;
  #known: boolean;
  #connection: Connection | undefined;
  #filling = false;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  /** The highest pts that came over this connection. */
  #heard = 0;
  #acked = -1;
  #ackDue = false;
  #drainInMs: number | undefined;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly options: EpisodeOptions,
    pts: number | undefined,
    private readonly onPts: (pts: number) => void,
  ) {
    this.#known = pts !== undefined;
    this.#sequence = new Sequence(pts ?? 0);
  }

  async run(signal: AbortSignal, failures: number): Promise<EpisodeEnd> {
    let url: URL;
    try {
      const { urls } = await this.options.gateway();
      const address = urls[failures % urls.length];
      if (address === undefined) return { code: 1013, reason: "no gateway is up" };
      url = new URL(address);
    } catch (cause) {
      const error = cause instanceof DunlinError ? cause : new DunlinError("network", String(cause), { cause });
      return {
        code: 1006,
        reason: error.message,
        signedOut: error.signedOut,
        ...(error.retryAfterMs === undefined ? {} : { reconnectInMs: error.retryAfterMs }),
      };
    }
    if (signal.aborted) return { code: 1000, reason: "stopped" };
    url.searchParams.set("token", this.options.token() ?? "");
    if (this.#known) url.searchParams.set("pts", String(this.#sequence.pts));
    const connection = new Connection({
      url: url.href,
      protocols: PROTOCOLS,
      WebSocket: this.options.WebSocket,
      helloTimeoutMs: HELLO_TIMEOUT_MS,
      onFrame: (frame) => this.#frame(frame),
    });
    this.#connection = connection;
    const stopped = (): void => connection.close(1000, "bye");
    signal.addEventListener("abort", stopped, { once: true });
    const end = await connection.ended;
    signal.removeEventListener("abort", stopped);
    this.#connection = undefined;
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#drainTimer);
    // The time the server asked for counts from its DRAIN; a close before it leaves the rest to wait.
    const left = this.#drainInMs === undefined ? undefined : Math.max(0, this.#drainInMs - Date.now());
    return left === undefined ? end : { ...end, reconnectInMs: left };
  }

  #frame(frame: Frame): void {
    if (frame.type === "HELLO") this.#hello(frame);
    else if (frame.type === "DRAIN") this.#drain(Number(frame["reconnect_in_ms"]));
    else if (typeof frame.pts === "number") {
      this.#heard = Math.max(this.#heard, frame.pts);
      this.#take(frame as Update);
      this.#acknowledge(frame.pts);
      if (this.#sequence.hole) void this.#fill();
    } else if (frame.type !== "PONG" && !this.options.supergroups?.frame(frame)) {
      this.options.events.emit("signal", frame);
    }
  }

  /** The greeting's pts is where this connection begins: behind what was asked for, or at the newest update. */
  #hello(frame: Frame): void {
    const begin = frame.pts ?? 0;
    this.#heard = begin;
    if (!this.#known || frame["recovered"] !== true || begin < this.#sequence.pts) this.#reload(begin);
    this.#known = true;
    this.onOnline();
  }

  #reload(pts: number): void {
    this.#sequence.reset(pts);
    this.onPts(pts);
    this.options.events.emit("reload", { pts });
  }

  #take(update: Update): void {
    const ready = this.#sequence.take(update);
    for (const next of ready) {
      this.options.supergroups?.update(next);
      this.options.events.emit("update", next);
      const message = messageOf(next);
      if (message) this.options.events.emit("message", message);
      const change = changeOf(next);
      if (change) this.options.events.emit("change", change);
    }
    if (ready.length > 0) this.onPts(this.#sequence.pts);
  }

  /** Never more than what came over this very connection: the rest may have come over HTTP, which is not for it to know. */
  get #acknowledgeable(): number {
    return Math.min(this.#sequence.pts, this.#heard);
  }

  /** Something new came, or a double: the server sent that again because it had not heard. */
  #acknowledge(pts: number): void {
    if (this.#acknowledgeable <= this.#acked && pts > this.#acked) return;
    this.#ackDue = true;
    if (this.#acked >= 0 && this.#acknowledgeable - this.#acked >= ACK_UPDATES) this.#sendAck();
    else this.#ackTimer ??= setTimeout(() => this.#sendAck(), 0);
  }

  #sendAck(): void {
    clearTimeout(this.#ackTimer);
    this.#ackDue = false;
    this.#acked = this.#acknowledgeable;
    this.#connection?.send({ type: "ACK", pts: this.#acked });
    this.#ackTimer = setTimeout(() => {
      this.#ackTimer = undefined;
      if (this.#ackDue) this.#sendAck();
    }, ACK_INTERVAL_MS);
  }

  /** Closes a hole from the mailbox; when that does not succeed, a new connection begins where this one got to. */
  async #fill(): Promise<void> {
    if (this.#filling) return;
    this.#filling = true;
    try {
      for (let tries = 0; this.#sequence.hole; tries++) {
        if (tries >= FILL_TRIES) throw new DunlinError("network", "a hole in the updates stays open");
        if (tries > 0) await pause(FILL_PAUSE_MS * tries);
        await this.#fetchDifference();
      }
    } catch (error) {
      this.#connection?.close(4003, error instanceof Error ? error.message.slice(0, 100) : "out of sync");
    } finally {
      this.#filling = false;
    }
  }

  async #fetchDifference(): Promise<void> {
    for (let more = true; more; ) {
      const before = this.#sequence.pts;
      const difference = await this.options.difference(before);
      if (!this.#connection) return;
      if (difference.too_long) return this.#reload(difference.pts);
      for (const update of difference.updates) this.#take(update);
      this.#acknowledge(this.#sequence.pts);
      more = difference.has_more && this.#sequence.pts > before;
    }
  }

  #drain(inMs: number): void {
    const ms = Number.isFinite(inMs) ? Math.max(0, inMs) : 0;
    this.#drainInMs = Date.now() + ms;
    this.#drainTimer = setTimeout(() => this.#connection?.close(1001, "draining"), ms);
  }
}
