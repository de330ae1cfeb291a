import { connect, type Socket } from "node:net";
import { until } from "./fixture.js";

export const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
export const UPGRADE = [
  "Host: x",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Protocol: text",
  KEY,
];

/** A TCP connection that writes whatever it is told and keeps what comes back. */
export class RawSocket {
  closed = false;
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (chunk) => this.#chunks.push(chunk));
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.closed = true;
    });
  }

  get connected(): boolean {
    return this.#socket.readyState === "open";
  }

  /** Everything received so far. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  request(line: string, headers: readonly string[]): void {
    this.write(`${line}\r\n${headers.map((header) => `${header}\r\n`).join("")}\r\n`);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Resets the connection instead of closing it politely. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  gone(ms?: number): Promise<true> {
    return until("the socket's end", () => this.closed || undefined, ms);
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** One request on a connection of its own; resolves when the server closed it, or has upgraded (101). */
export const ask = async (port: number, line: string, headers: readonly string[], body = ""): Promise<Answer> => {
  const socket = new RawSocket(port);
  socket.request(line, headers);
  if (body !== "") socket.write(body);
  await until("an answer", () => socket.closed || socket.received.includes("HTTP/1.1 101"));
  const text = socket.received.toString("utf8");
  socket.destroy();
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [status = "", ...lines] = head.split("\r\n");
  return {
    status: Number(status.split(" ")[1] ?? 0),
    headers: Object.fromEntries(lines.map((one) => [one.slice(0, one.indexOf(":")).toLowerCase(), one.slice(one.indexOf(":") + 1).trim()])),
    body: rest.join("\r\n\r\n"),
  };
};

/** A client frame: masked unless told otherwise; `first` is the first byte (FIN, reserved bits, opcode). */
export const clientFrame = (first: number, payload: Uint8Array, masked = true): Buffer => {
  const length = payload.length;
  const maskBit = masked ? 0x80 : 0;
  const head =
    length < 126
      ? Buffer.from([first, maskBit | length])
      : length < 65_536
        ? Buffer.from([first, maskBit | 126, length >> 8, length & 255])
        : Buffer.from([first, maskBit | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255]);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ (mask[i % 4] as number))]);
};
