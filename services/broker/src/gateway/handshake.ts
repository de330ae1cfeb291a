import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import { type ErrorCode, errors } from "@dunlin/proto";
import type { AppError } from "@dunlin/runtime";

/** The subprotocols spoken here. */
export const SUBPROTOCOLS = ["text"] as const;

/** What of a request matters, copied: uWebSockets.js takes its request back when the handler returns. */
export interface HandshakeRequest {
  readonly method: string;
  readonly upgrade: string;
  readonly connection: string;
  readonly key: string;
  readonly version: string;
  readonly origin: string;
  readonly protocols: string;
  readonly extensions: string;
  /** From the query or the header; empty when there is none. */
  readonly token: string;
  readonly pts: string | undefined;
}

/** Why a handshake is refused, as it is answered. */
export interface Refusal {
  /** With its text, e.g. "401 Unauthorized". */
  readonly status: string;
  readonly code: number;
  readonly msg: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** What a good handshake asks for. */
export interface Ticket {
  readonly key: string;
  readonly extensions: string;
  readonly protocol: string;
  readonly token: string;
  /** -1: the client gave none. */
  readonly resumeFrom: number;
}

const STATUS_TEXT: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  412: "Precondition Failed",
  426: "Upgrade Required",
  500: "Internal Server Error",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

const refusal = (status: number, name: ErrorCode, msg: string = errors[name].en, headers: Refusal["headers"] = []): Refusal => ({
  status: `${status} ${STATUS_TEXT[status] ?? "Error"}`,
  code: errors[name].code,
  msg,
  headers,
});

/** Busy or going away: the client is to come back. */
export const unavailable = (msg: string, retryAfterS = 1): Refusal =>
  refusal(503, "UNAVAILABLE", msg, [["Retry-After", String(retryAfterS)]]);

export const notFound: Refusal = refusal(404, "NOT_FOUND", "WebSockets are at /ws");

/** What a failed check of token or session is answered with: 401, else 503 so that the client comes back. */
export const refusalOf = (error: AppError): Refusal =>
  error.info.http === 401 ? refusal(401, error.code) : unavailable("the session cannot be checked now, try again", error.retryAfterS);

const withoutScheme = (value: string): string => value.replace(/^bearer\s+/i, "").trim();

export const readRequest = (req: HttpRequest): HandshakeRequest => ({
  method: req.getMethod(),
  upgrade: req.getHeader("upgrade"),
  connection: req.getHeader("connection"),
  key: req.getHeader("sec-websocket-key"),
  version: req.getHeader("sec-websocket-version"),
  origin: req.getHeader("origin"),
  protocols: req.getHeader("sec-websocket-protocol"),
  extensions: req.getHeader("sec-websocket-extensions"),
  token: req.getQuery("token") || withoutScheme(req.getQuery("authorization") || req.getHeader("authorization")),
  pts: req.getQuery("pts"),
});

/** All lines of X-Forwarded-For as one; a proxy may add a line of its own under a client's. */
export const readForwardedFor = (req: HttpRequest): string => {
  const lines: string[] = [];
  req.forEach((name, value) => {
    if (name === "x-forwarded-for") lines.push(value);
  });
  return lines.join(",");
};

/** Everything about a handshake that can be told without asking anybody. @param origins undefined: any */
export const inspect = (request: HandshakeRequest, origins: ReadonlySet<string> | undefined): Ticket | Refusal => {
  if (request.method !== "get") return refusal(405, "METHOD_NOT_ALLOWED", undefined, [["Allow", "GET"]]);
  if (!/^[A-Za-z0-9+/]{22}==$/.test(request.key)) return refusal(400, "BAD_REQUEST", "Sec-WebSocket-Key is missing or wrong");
  // Also a guard: uWebSockets.js 20 ends the process when it upgrades a request with "Connection: close" after an await.
  const upgrades = /\bupgrade\b/i.test(request.connection) && request.upgrade.toLowerCase() === "websocket";
  if (!upgrades || request.version !== "13") {
    return refusal(426, "BAD_REQUEST", "this is a WebSocket address, version 13", [
      ["Upgrade", "websocket"],
      ["Sec-WebSocket-Version", "13"],
    ]);
  }
  // Only browsers send an Origin; other programs are not what the list is for.
  if (origins !== undefined && request.origin !== "" && !origins.has(request.origin)) {
    return refusal(403, "FORBIDDEN", "this origin may not connect");
  }
  if (request.protocols.trim() === "") return refusal(400, "BAD_REQUEST", "Sec-WebSocket-Protocol is missing");
  const offered = request.protocols.split(",").map((name) => name.trim());
  const protocol = SUBPROTOCOLS.find((name) => offered.includes(name));
  if (protocol === undefined) return refusal(406, "BAD_REQUEST", `the subprotocols spoken here: ${SUBPROTOCOLS.join(", ")}`);
  if (request.token === "") return refusal(412, "TOKEN_INVALID");
  if (request.pts !== undefined && !/^\d{1,15}$/.test(request.pts)) return refusal(400, "BAD_REQUEST", "pts is not a number");
  return {
    key: request.key,
    extensions: request.extensions,
    protocol,
    token: request.token,
    resumeFrom: request.pts === undefined ? -1 : Number(request.pts),
  };
};

/** Answers and closes. Must run while the response is valid; corks, since it may run after an await. */
export const refuse = (res: HttpResponse, { status, code, msg, headers }: Refusal): void => {
  res.cork(() => {
    res.writeStatus(status).writeHeader("Content-Type", "application/json; charset=utf-8");
    for (const [name, value] of headers) res.writeHeader(name, value);
    res.end(JSON.stringify({ code, msg }), true);
  });
};
