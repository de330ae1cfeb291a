import type { HttpResponse, TemplatedApp } from "uWebSockets.js";
import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { withTimeout } from "@dunlin/runtime";

const OPEN_MS = 1_000;
const RETRY_MS = 1_000;

/** Where this machine reaches a server that listens on `host`. */
const reachable = (host: string): string => (host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host);

/**
 * A response of the server to itself that is never finished: a socket that holds the cork while others upgrade. Why that
 * is needed: docs/decisions/0005. Its address is a secret of this process, so it is one response and nobody else's.
 */
export class CorkHolder {
  readonly #path = `/cork/${randomUUID()}`;
  #response: HttpResponse | undefined;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #held: (() => void) | undefined;
  #closed = false;

  constructor(app: TemplatedApp) {
    app.get(this.#path, (response) => {
      response.onAborted(() => {
        this.#response = undefined;
      });
      this.#response = response;
      this.#held?.();
    });
  }

  /** Resolves when it holds, or after a second without: then upgrades run bare, at the price of a line on stderr. */
  async open(host: string, port: number): Promise<void> {
    const held = new Promise<void>((resolve) => {
      this.#held = resolve;
    });
    this.#connect(reachable(host), port);
    await withTimeout(held, OPEN_MS).catch(() => undefined);
  }

  /** Runs `upgrade` of `response` under the cork of this one. */
  run(response: HttpResponse, upgrade: () => void): void {
    if (this.#response === undefined) upgrade();
    else this.#response.cork(() => response.cork(upgrade));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#response = undefined;
    this.#socket?.destroy();
  }

  #connect(host: string, port: number): void {
    const socket = connect({ host, port });
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (!this.#closed) this.#retry = setTimeout(() => this.#connect(host, port), RETRY_MS);
    });
    socket.resume();
    socket.write(`GET ${this.#path} HTTP/1.1\r\nHost: ${host.includes(":") ? `[${host}]` : host}\r\n\r\n`);
  }
}
