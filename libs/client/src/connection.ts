import type { Socket, SocketConstructor } from "./socket.js";

/** Any frame of the server. */
export interface Frame {
  type: string;
  pts?: number;
  [field: string]: unknown;
}

export interface ConnectionEnd {
  /** The close code; 1006 when there was no orderly close. */
  code: number;
  reason: string;
}

export interface ConnectionOptions {
  url: string;
  protocols: string[];
  WebSocket: SocketConstructor;
  /** When the server has not greeted by then, the connection is given up, ms. */
  helloTimeoutMs: number;
  onFrame(frame: Frame): void;
}

/** Silence longer than this many of the server's ping intervals means that the connection is dead. */
const SILENT_INTERVALS = 2;

/**
 * One WebSocket from its opening to its end. The end is certain: a connection that never opens, or over which nothing
 * comes back any more, is closed here.
 */
export class Connection {
  /** Resolves when it is over; never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #socket: Socket;
  #end!: (end: ConnectionEnd) => void;
  #over = false;
  #open = false;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #pings: ReturnType<typeof setInterval> | undefined;
  #lastHeard = Date.now();

  constructor(options: ConnectionOptions) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#watch = setTimeout(() => this.close(4000, "no greeting"), options.helloTimeoutMs);
    const socket = new options.WebSocket(options.url, options.protocols);
    this.#socket = socket;
    socket.onopen = () => {
      this.#open = true;
    };
    socket.onmessage = ({ data }) => {
      if (this.#over) return;
      this.#lastHeard = Date.now();
      const frame = parseFrame(data);
      if (!frame) return;
      if (frame.type === "HELLO") this.#greeted(frame);
      options.onFrame(frame);
    };
    // A close event always follows, with what can be known.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => this.#finish({ code, reason: String(reason) });
  }

  /** Sends a frame; silently nothing when the connection is not open, as acknowledgements are cumulative. */
  send(frame: Record<string, unknown>): void {
    if (this.#open && !this.#over) this.#socket.send(JSON.stringify(frame));
  }

  /** Ends the connection at once; the closing handshake goes on in the background. */
  close(code: number, reason: string): void {
    if (this.#over) return;
    this.#finish({ code, reason });
    try {
      this.#socket.close(code === 1000 ? 1000 : 4000, reason);
    } catch {
      // Still connecting: some implementations throw, and give it up all the same.
    }
  }

  /** The server pings every `ping_s`, which scripts in a browser cannot see; so this side asks too and wants an answer. */
  #greeted(hello: Frame): void {
    clearTimeout(this.#watch);
    const pingS = typeof hello["ping_s"] === "number" ? hello["ping_s"] : 0;
    if (pingS <= 0) return;
    this.#pings = setInterval(() => {
      if (Date.now() - this.#lastHeard > SILENT_INTERVALS * pingS * 1000) this.close(1006, "nothing heard");
      else this.send({ type: "PING" });
    }, pingS * 1000);
  }

  #finish(end: ConnectionEnd): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#watch);
    clearInterval(this.#pings);
    this.#end(end);
  }
}

const parseFrame = (data: unknown): Frame | undefined => {
  if (typeof data !== "string") return undefined;
  try {
    const frame: unknown = JSON.parse(data);
    return typeof frame === "object" && frame !== null && "type" in frame && typeof frame.type === "string" ? (frame as Frame) : undefined;
  } catch {
    return undefined;
  }
};
