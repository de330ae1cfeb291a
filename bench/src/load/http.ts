import { connect, type Socket } from "node:net";

/** One answer: the status and the body's text. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * A keep-alive HTTP/1.1 connection that sends one request at a time: as little work as possible on the load side, so that
 * the two cores measure the server. It understands answers with Content-Length, which is all that apisvc sends.
 */
export class HttpConnection {
  #socket: Socket | undefined;
  #buffer = "";
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  readonly #host: string;
  readonly #port: number;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#host = hostname;
    this.#port = Number(port);
  }

  async open(): Promise<void> {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    // Bodies here are ASCII, so that characters are bytes.
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => this.#read(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("connection closed")));
    this.#socket = socket;
  }

  post(path: string, token: string, body: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket?.write(
        `POST ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        "latin1",
      );
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket?.destroy();
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  #read(chunk: string): void {
    this.#buffer = this.#buffer === "" ? chunk : this.#buffer + chunk;
    const head = this.#buffer.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = /content-length: *(\d+)/i.exec(this.#buffer.slice(0, head));
    if (!length) {
      this.#fail(new Error(`no Content-Length in: ${this.#buffer.slice(0, 300)}`));
      return;
    }
    const end = head + 4 + Number(length[1]);
    if (this.#buffer.length < end) return;
    const answer = { status: Number(this.#buffer.slice(9, 12)), body: this.#buffer.slice(head + 4, end) };
    this.#buffer = this.#buffer.slice(end);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }
}
