import { WebSocket } from "ws";
import type { Calls } from "./calls.js";
import { hashOf, type Ledger } from "./ledger.js";

interface Frame {
  readonly type: string;
  readonly pts?: number;
  readonly [field: string]: unknown;
}

const ACK_EVERY_MS = 20;
const SILENT_MS = 15_000;

/**
 * One device of a user, as a careful client behaves: shows updates strictly by pts, drops doubles, pulls the difference
 * at a hole, acknowledges what is shown, reconnects with its pts after whatever happens.
 */
export class Device {
  /** The newest pts shown. */
  pts = 0;
  /** pts → what was shown there, for comparison with the log. */
  readonly shown: string[] = [];
  doubles = 0;
  connects = 0;
  #socket: WebSocket | undefined;
  #running = true;
  #pulling = false;
  #held: Frame[] = [];
  #ackTimer: NodeJS.Timeout | undefined;
  #acked = 0;
  #lastHeard = Date.now();

  constructor(
    private readonly deps: {
      readonly name: string;
      readonly user: string;
      readonly token: string;
      readonly wsUrls: readonly string[];
      readonly calls: Calls;
      readonly ledger: Ledger;
      readonly onShown: (conversation: string, seq: number, from: string) => void;
    },
  ) {}

  get name(): string {
    return this.deps.name;
  }

  get user(): string {
    return this.deps.user;
  }

  start(): void {
    void this.#connect();
  }

  get connected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Loses its connection as a phone does that leaves the network; it comes back by itself. @returns whether it had one */
  drop(): boolean {
    if (!this.connected) return false;
    this.#socket?.terminate();
    return true;
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearInterval(this.#ackTimer);
    this.#socket?.terminate();
  }

  async #connect(): Promise<void> {
    for (let attempt = 0; this.#running; attempt++) {
      const url = this.deps.wsUrls[(this.connects + attempt) % this.deps.wsUrls.length];
      const socket = new WebSocket(`${url}?token=${this.deps.token}&pts=${this.pts}`, ["text"], { handshakeTimeout: 3_000 });
      const opened = await new Promise<boolean>((resolve) => {
        // Used at once: the first frames may have come with the handshake's answer.
        socket.once("open", () => {
          this.#use(socket);
          resolve(true);
        });
        socket.once("error", () => resolve(false));
      });
      if (opened) return;
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * Math.min(1_000, 100 * 2 ** attempt)));
    }
  }

  #use(socket: WebSocket): void {
    if (!this.#running) {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    this.connects += 1;
    this.#acked = this.pts;
    this.#lastHeard = Date.now();
    socket.on("message", (data: Buffer) => {
      this.#lastHeard = Date.now();
      this.#receive(JSON.parse(data.toString("utf8")) as Frame);
    });
    socket.on("error", () => {});
    clearInterval(this.#ackTimer);
    this.#ackTimer = setInterval(() => this.#tick(socket), ACK_EVERY_MS);
    socket.once("close", (code) => {
      clearInterval(this.#ackTimer);
      if (!this.#running || this.#socket !== socket) return;
      if (code >= 4400) this.deps.ledger.violation(`${this.deps.name}: closed with ${code}, which tells a client to stay away`);
      setTimeout(() => void this.#connect(), Math.random() * 500);
    });
  }

  #tick(socket: WebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (this.pts > this.#acked) {
      this.#acked = this.pts;
      socket.send(`{"type":"ACK","pts":${this.pts}}`);
    } else if (Date.now() - this.#lastHeard > SILENT_MS) {
      // A silent connection may be dead: ask, and give up when not even that is answered.
      if (Date.now() - this.#lastHeard > 2 * SILENT_MS) socket.terminate();
      else if (Date.now() % 1_000 < ACK_EVERY_MS) socket.send('{"type":"PING"}');
    }
  }

  #receive(frame: Frame): void {
    if (frame.type === "HELLO") {
      if (frame["recovered"] !== true) this.deps.ledger.violation(`${this.deps.name}: told to reload at pts ${this.pts}`);
      return;
    }
    if (typeof frame.pts !== "number") return;
    if (this.#pulling) this.#held.push(frame);
    else this.#take(frame, "ws");
  }

  #take(frame: Frame, via: "ws" | "pull"): void {
    const pts = frame.pts as number;
    if (pts <= this.pts) {
      this.doubles += 1;
      return;
    }
    if (pts > this.pts + 1) {
      // The gateway promises that pts rises by one: a hole is a fault of its own, even though a client can mend it.
      if (via === "ws") this.deps.ledger.violation(`${this.deps.name}: pts jumped from ${this.pts} to ${pts}`);
      this.#held.push(frame);
      void this.pull();
      return;
    }
    this.pts = pts;
    this.shown[pts] = JSON.stringify(frame);
    if (frame.type !== "C2C" && frame.type !== "C2G") return;
    const { ledger, name, user } = this.deps;
    const conversation = String(frame["conversation_id"]);
    const seq = Number(frame["seq"]);
    const from = String(frame["from"]);
    ledger.receipt({
      device: name,
      user,
      clientMsgId: String((frame["payload"] as Record<string, unknown> | undefined)?.["mark"]),
      id: String(frame["id"]),
      conversation,
      seq,
      pts,
      from,
      payloadHash: hashOf(frame["payload"]),
      via,
      t: Date.now(),
    });
    this.deps.onShown(conversation, seq, from);
  }

  /** Fetches the difference until nothing is left of it. */
  async pull(): Promise<void> {
    if (this.#pulling) return;
    this.#pulling = true;
    try {
      for (let more = true; more && this.#running; ) {
        const { data } = await this.deps.calls.must("GET", `/v1/updates?pts=${this.pts}&limit=500`, this.deps.token);
        if (data["too_long"] === true) {
          this.deps.ledger.violation(`${this.deps.name}: difference too long at ${this.pts}`);
          return;
        }
        const updates = data["updates"] as Frame[];
        for (const update of updates) this.#take(update, "pull");
        more = data["has_more"] === true && updates.length > 0;
      }
    } finally {
      this.#pulling = false;
      const held = this.#held.sort((a, b) => (a.pts as number) - (b.pts as number));
      this.#held = [];
      for (const frame of held) this.#take(frame, "ws");
    }
  }
}
