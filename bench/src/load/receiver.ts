import { BareWebSocket } from "./websocket.js";

// A process of its own: connects users' WebSockets, acknowledges what comes, and measures the time from send call to
// receipt. Monotonic time is one for all processes of a machine.

interface Start {
  readonly kind: "start";
  readonly wsUrl: string;
  readonly users: readonly { id: string; token: string }[];
  /** Acknowledge and measure; without it the connections only stand. */
  readonly rate: number;
}

export type ReceiverRequest = Start | { readonly kind: "reset" } | { readonly kind: "report" } | { readonly kind: "stop" };
export type ReceiverReport =
  | { readonly kind: "connected"; readonly failures: number }
  | {
      readonly kind: "report";
      /** Messages received by those they were sent to (own messages apart). */
      readonly received: number;
      readonly own: number;
      readonly closed: number;
      /** ms, of a bounded sample */
      readonly latencies: number[];
    };

const SAMPLES = 200_000;
/** As the SDK acknowledges (libs/client/src/episode.ts): the first at once, then at this pace or after so many. */
const ACK_INTERVAL_MS = 200;
const ACK_UPDATES = 64;
let received = 0;
let own = 0;
let closed = 0;
let latencies: number[] = [];

const report = (message: ReceiverReport): void => {
  process.send?.(message);
};

class Receiver {
  #acked = 0;
  #ackedAt = 0;
  #pts = 0;
  readonly socket: BareWebSocket;

  constructor(
    private readonly id: string,
    private readonly dirty: Set<Receiver>,
  ) {
    this.socket = new BareWebSocket({
      onFrame: (text) => this.#frame(text),
      onClose: () => {
        closed += 1;
      },
    });
  }

  #frame(text: string): void {
    const at = text.indexOf('"pts":');
    if (at < 0 || text.startsWith('{"type":"HELLO"')) {
      if (at >= 0) this.#pts = this.#acked = Number.parseInt(text.slice(at + 6), 10);
      return;
    }
    const pts = Number.parseInt(text.slice(at + 6), 10);
    if (pts <= this.#pts) return;
    this.#pts = pts;
    this.dirty.add(this);
    if (text.includes(`"from":"${this.id}"`)) {
      own += 1;
      return;
    }
    received += 1;
    const mark = text.indexOf("t0=");
    if (mark >= 0 && latencies.length < SAMPLES) {
      latencies.push(Number(process.hrtime.bigint()) / 1e6 - Number.parseFloat(text.slice(mark + 3)));
    }
  }

  /** At the SDK's pace. @returns whether nothing is left to acknowledge */
  acknowledge(now: number): boolean {
    const waiting = this.#pts - this.#acked;
    if (waiting < ACK_UPDATES && now - this.#ackedAt < ACK_INTERVAL_MS) return waiting <= 0;
    this.#acked = this.#pts;
    this.#ackedAt = now;
    this.socket.send(`{"type":"ACK","pts":${this.#pts}}`);
    return true;
  }
}

process.on("message", (request: ReceiverRequest) => {
  if (request.kind === "start") void start(request);
  else if (request.kind === "reset") {
    received = own = 0;
    latencies = [];
  } else if (request.kind === "report") report({ kind: "report", received, own, closed, latencies });
  else process.exit(0);
});

const start = async ({ wsUrl, users, rate }: Start): Promise<void> => {
  const dirty = new Set<Receiver>();
  let failures = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < users.length; at = next++) {
      const user = users[at] as { id: string; token: string };
      const receiver = new Receiver(user.id, dirty);
      try {
        await receiver.socket.open(`${wsUrl}?token=${user.token}`);
      } catch (error) {
        failures += 1;
        if (failures <= 3) process.stderr.write(`connect: ${String(error)}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: rate }, worker));
  setInterval(() => {
    const now = performance.now();
    for (const receiver of dirty) if (receiver.acknowledge(now)) dirty.delete(receiver);
  }, 50);
  report({ kind: "connected", failures });
};
