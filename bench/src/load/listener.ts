import { BareWebSocket } from "./websocket.js";

// A process of its own: connections that follow one supergroup, count what comes and check that each is behind the last.

export type ListenerRequest =
  | { readonly kind: "start"; readonly wsUrl: string; readonly tokens: readonly string[] }
  | { readonly kind: "expect"; readonly entries: number }
  | { readonly kind: "stop" };
export type ListenerReport =
  | { readonly kind: "connected"; readonly failures: number }
  | {
      readonly kind: "done";
      readonly received: number;
      /** Entries that were not exactly one behind the one before. */
      readonly disorder: number;
      readonly closed: number;
      /** Bytes of the last frame. */
      readonly bytes: number;
      /** Monotonic ms of the machine when the last came. */
      readonly lastAt: number;
    };

const AT_ONCE = 32;
const ZERO = 48;
const SUBSCRIBED = Buffer.from('{"type":"SUBSCRIBED"');
const ENTRY = Buffer.from('{"type":"C2S"');
const SEQ = Buffer.from('"seq":');

let received = 0;
let disorder = 0;
let closed = 0;
let bytes = 0;
let lastAt = 0;
let wanted = Number.POSITIVE_INFINITY;
let live = 0;
let onLive = (): void => {};

const report = (message: ListenerReport): void => {
  process.send?.(message);
};
const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const startsWith = (data: Buffer, at: number, prefix: Buffer): boolean =>
  data.compare(prefix, 0, prefix.length, at, at + prefix.length) === 0;

/** Everything in front of the seq is as long in every frame of a run. */
let seqAt = -1;
const seqOf = (data: Buffer, start: number, end: number): number => {
  if (seqAt < 0) seqAt = data.subarray(start, end).indexOf(SEQ) + SEQ.length;
  let seq = 0;
  for (let at = start + seqAt; at < end; at++) {
    const digit = (data[at] as number) - ZERO;
    if (digit < 0 || digit > 9) break;
    seq = seq * 10 + digit;
  }
  return seq;
};

const finish = (): void => {
  if (received >= wanted) report({ kind: "done", received, disorder, closed, bytes, lastAt });
};

const connect = async (url: string): Promise<void> => {
  let last = 0;
  const socket = new BareWebSocket({
    onFrame: () => {},
    onClose: () => {
      closed += 1;
    },
    onBytes: (data, start, end) => {
      if (startsWith(data, start, ENTRY)) {
        const seq = seqOf(data, start, end);
        if (last > 0 && seq !== last + 1) disorder += 1;
        last = seq;
        received += 1;
        if (received < wanted) return;
        lastAt = now();
        bytes = end - start;
        finish();
      } else if (startsWith(data, start, SUBSCRIBED)) {
        live += 1;
        onLive();
      }
    },
  });
  await socket.open(url);
};

const start = async (wsUrl: string, tokens: readonly string[]): Promise<void> => {
  let failures = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < tokens.length; at = next++) {
      await connect(`${wsUrl}?token=${tokens[at]}`).catch(() => {
        failures += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await new Promise<void>((resolve) => {
    onLive = () => {
      if (live >= tokens.length - failures) resolve();
    };
    onLive();
  });
  report({ kind: "connected", failures });
};

process.on("message", (request: ListenerRequest) => {
  if (request.kind === "start") void start(request.wsUrl, request.tokens);
  else if (request.kind === "expect") {
    received = disorder = 0;
    wanted = request.entries;
  } else process.exit(0);
});
