import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from "node:http";
import type { Duplex } from "node:stream";
import type { ErrorCode } from "@dunlin/proto";
import { errors } from "@dunlin/proto";
import { sleep } from "@dunlin/runtime";
import type { ApiConfig } from "../config.js";
import { codeText } from "./envelope.js";
import { requestIdOf } from "./request-id.js";

/** Longer than load balancers keep idle connections (60 s), so that they close first. */
const KEEP_ALIVE_MS = 65_000;
const HEADER_BYTES_MAX = 16_384;

/** Connections in the middle of a body that may take longer than a request; whoever reads it sees to its end. */
const slowBodies = new WeakSet<Duplex>();

/** Exempts this request from the time a whole request must arrive in. */
export const allowSlowBody = (req: IncomingMessage): void => {
  const { socket } = req;
  slowBodies.add(socket);
  req.once("close", () => slowBodies.delete(socket));
};

type ServerConfig = Pick<ApiConfig, "IM_API_MAX_CONNECTIONS" | "IM_API_HEADERS_TIMEOUT_S" | "IM_API_REQUEST_TIMEOUT_S">;

/** What a request that Node could not read is answered; undefined: nothing, the other side is gone. */
const codeOf = (error: NodeJS.ErrnoException): ErrorCode | undefined => {
  if (error.code === "ECONNRESET" || error.code === "EPIPE") return undefined;
  return error.code === "HPE_HEADER_OVERFLOW" ? "HEADERS_TOO_LARGE" : "BAD_REQUEST";
};

const answerRaw = (socket: Duplex, code: ErrorCode): void => {
  const body = codeText(code, "en");
  const { http } = errors[code];
  const reason = http === 431 ? "Request Header Fields Too Large" : "Bad Request";
  socket.end(
    `HTTP/1.1 ${http} ${reason}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `X-Request-Id: ${requestIdOf(undefined)}\r\nConnection: close\r\n\r\n${body}`,
  );
};

/** A Node HTTP server with limits for what is slow, large or malformed; what it cannot read is answered in the envelope too. */
export const createHttpServer = (
  listener: RequestListener,
  config: ServerConfig,
  messages: Pick<ServerOptions, "IncomingMessage" | "ServerResponse">,
): Server => {
  const server = createServer(
    {
      ...messages,
      headersTimeout: config.IM_API_HEADERS_TIMEOUT_S * 1000,
      requestTimeout: Math.max(config.IM_API_REQUEST_TIMEOUT_S, config.IM_API_HEADERS_TIMEOUT_S) * 1000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      insecureHTTPParser: false,
      requireHostHeader: false,
      noDelay: true,
    },
    listener,
  );
  server.maxConnections = config.IM_API_MAX_CONNECTIONS;
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // Told once a request; Node itself does nothing about it.
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && slowBodies.has(socket)) return;
    const code = codeOf(error);
    if (code === undefined || !socket.writable || socket.destroyed) socket.destroy();
    else answerRaw(socket, code);
  });
  // An Expect that is not 100-continue, and CONNECT: nothing here can meet them.
  server.on("checkExpectation", (req, _res) => answerRaw(req.socket, "BAD_REQUEST"));
  server.on("connect", (_req, socket) => answerRaw(socket, "BAD_REQUEST"));
  return server;
};

/** @returns the port that was bound. */
export const listen = (server: Server, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, exclusive: true }, () => {
      server.removeListener("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });

/** Stops accepting, lets requests under way finish for at most `deadlineMs`, then closes what is left. */
export const closeServer = async (server: Server, deadlineMs: number): Promise<void> => {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const waiting = new AbortController();
  await Promise.race([closed, sleep(deadlineMs, waiting.signal)]);
  waiting.abort();
  server.closeAllConnections();
  await closed;
};
