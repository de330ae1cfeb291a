import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

export interface WebSocketHandlers {
  /** A text frame's payload, ASCII. */
  onFrame(text: string): void;
  onClose(): void;
  /** Takes a text frame's bytes, `start` to `end` of `data`, instead of `onFrame`: for those that count by the hundred thousand. */
  onBytes?(data: Buffer, start: number, end: number): void;
}

/**
 * A bare WebSocket client: unfragmented text frames in, small masked text frames out, pings answered. It spares the load
 * side a general client's work; correctness of the protocol is tested elsewhere, with real clients.
 */
export class BareWebSocket {
  #socket: Socket | undefined;
  #pending: Buffer = Buffer.alloc(0);

  constructor(private readonly handlers: WebSocketHandlers) {}

  /** Resolves after the 101. @throws Error with the status line of any other answer. */
  async open(url: string): Promise<void> {
    const { hostname, port, pathname, search } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed during the handshake")));
      socket.once("connect", () => {
        socket.write(
          `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: text\r\n\r\n`,
        );
      });
      let head: Buffer = Buffer.alloc(0);
      const onHead = (chunk: Buffer): void => {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        socket.off("data", onHead);
        const status = head.subarray(0, head.indexOf("\r\n")).toString("latin1");
        if (!status.includes(" 101 ")) {
          socket.destroy();
          reject(new Error(status));
          return;
        }
        socket.removeAllListeners("close");
        socket.removeAllListeners("error");
        socket.on("error", () => {});
        socket.on("close", () => this.handlers.onClose());
        socket.on("data", (data: Buffer) => this.#read(data));
        resolve();
        if (head.length > end + 4) this.#read(head.subarray(end + 4));
      };
      socket.on("data", onHead);
    });
  }

  send(text: string): void {
    this.#write(0x1, Buffer.from(text, "latin1"));
  }

  close(): void {
    this.#socket?.destroy();
  }

  #write(opcode: number, payload: Buffer): void {
    // A mask of zeros is a mask; payloads here are below 126 bytes.
    const frame = Buffer.alloc(6 + payload.length);
    frame[0] = 0x80 | opcode;
    frame[1] = 0x80 | payload.length;
    payload.copy(frame, 6);
    this.#socket?.write(frame);
  }

  #read(chunk: Buffer): void {
    const data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    while (data.length - at >= 2) {
      const opcode = (data[at] as number) & 0x0f;
      let length = (data[at + 1] as number) & 0x7f;
      let head = 2;
      if (length === 126) {
        if (data.length - at < 4) break;
        length = data.readUInt16BE(at + 2);
        head = 4;
      } else if (length === 127) {
        if (data.length - at < 10) break;
        length = Number(data.readBigUInt64BE(at + 2));
        head = 10;
      }
      if (data.length - at < head + length) break;
      if (opcode === 0x1 && this.handlers.onBytes) {
        this.handlers.onBytes(data, at + head, at + head + length);
        at += head + length;
        continue;
      }
      const payload = data.subarray(at + head, at + head + length);
      if (opcode === 0x1) this.handlers.onFrame(payload.toString("latin1"));
      else if (opcode === 0x9) this.#write(0xa, payload);
      else if (opcode === 0x8) this.close();
      at += head + length;
    }
    this.#pending = at === data.length ? Buffer.alloc(0) : data.subarray(at);
  }
}
