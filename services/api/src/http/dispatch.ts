import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import type { AccessClaims } from "@dunlin/domain";
import { AppError, toAppError } from "@dunlin/runtime";
import type { Request, RequestHandler, Response } from "express";
import type { z } from "zod";
import type { Api } from "../api.js";
import { successText, writeError, writeJson } from "./envelope.js";
import { ClientGone, hasBody, readJson } from "./json-body.js";
import { languageOf } from "./language.js";
import { parseQuery } from "./query.js";
import { requestIdOf } from "./request-id.js";
import type { RequestMetrics } from "./request-metrics.js";
import { type Call, type Content, errorsOf, type RawBody, type Reply, type Route } from "./route.js";
import { allowSlowBody } from "./server.js";

/** A request may be worked on for this long, ms: longer than any of its parts waits. */
const HANDLER_TIMEOUT_MS = 20_000;
const TOKEN_CHARS_MAX = 4_096;
const SILENT_READER_MS = 30_000;

/** Counts what is under way, so that it stays bounded and a drain can wait for it. */
export interface InFlight {
  count: number;
  readonly max: number;
}

/** Checks a value by a schema. @throws AppError BAD_REQUEST naming each wrong place */
const check = <T>(schema: z.ZodType<T>, value: unknown, where: string): T => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 10)
    .map((issue) => ({ at: [where, ...issue.path.map(String)].join("."), problem: issue.message }));
  throw new AppError("BAD_REQUEST", undefined, { details: { issues } });
};

const NOTHING = Object.freeze({}) as Record<string, never>;

/** Who calls. @throws AppError TOKEN_INVALID, TOKEN_EXPIRED, UNAVAILABLE */
const authenticate = async (api: Api, req: IncomingMessage): Promise<AccessClaims> => {
  const header = req.headers.authorization;
  if (header === undefined || header.length > TOKEN_CHARS_MAX || !/^bearer [\w-]+\.[\w-]+\.[\w-]*$/i.test(header)) {
    throw new AppError("TOKEN_INVALID");
  }
  const claims = await api.ctx.tokens.verifyAccess(header.slice(7));
  const checking = api.sessions.check(claims);
  if (checking !== undefined) await checking;
  return claims;
};

const withDeadline = <T>(work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new AppError("TIMEOUT")), HANDLER_TIMEOUT_MS);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });

/** The express handler of a route: authenticate, check, hand over, answer. Nothing it throws leaves it. */
export const dispatch = (api: Api, route: Route, inFlight: InFlight, metrics: RequestMetrics): RequestHandler => {
  const { logger } = api.ctx;
  const declared = new Set<string>(errorsOf(route));
  const observe = metrics.forRoute(route.path);

  const work = async (req: Request, requestId: string): Promise<Reply<unknown>> => {
    const claims = route.auth ? await authenticate(api, req) : undefined;
    const params = route.params ? check(route.params, req.params, "path") : NOTHING;
    const given = req.url.includes("?") ? parseQuery(req.url) : NOTHING;
    const query = route.query ? check(route.query, given, "query") : NOTHING;
    if (!route.query && given !== NOTHING && Object.keys(given).length > 0) throw new AppError("BAD_REQUEST", "no query is taken here");
    let body: unknown;
    if (route.body) body = check(route.body, await readJson(req), "body");
    else if (route.rawBody) allowSlowBody(req);
    else if (hasBody(req)) await refuseBody(req);
    const call = {
      params,
      query,
      body,
      claims,
      requestId,
      range: req.headers.range,
      get raw() {
        return rawBodyOf(req);
      },
      // Looked at by few: not worked out for every send.
      get ip() {
        return req.ip ?? "";
      },
      get language() {
        return languageOf(req.headers["accept-language"]);
      },
    };
    const cost = route.cost?.(body) ?? 1;
    const limited = api.limits.address(route.limit, () => call.ip, cost);
    if (limited !== undefined) await limited;
    if (claims !== undefined) {
      const slowed = api.limits.caller(route.limit, claims, cost);
      if (slowed !== undefined) await slowed;
    }
    const handled = route.handler(api, call as Call<unknown, unknown, unknown>);
    return route.rawBody ? handled : withDeadline(handled);
  };

  const answerError = (req: Request, res: Response, requestId: string, thrown: unknown): number => {
    const error = toAppError(thrown);
    if (error.code === "INTERNAL") logger.error({ err: thrown, request_id: requestId, route: route.id }, "request failed");
    else if (error.info.http >= 500) {
      logger.warn(
        { code: error.code, reason: error.message, cause: String(error.cause ?? ""), request_id: requestId, route: route.id },
        "request failed",
      );
    }
    if (!declared.has(error.code)) logger.error({ code: error.code, route: route.id }, "an error the route does not declare");
    // What is left of a body is not read: the connection cannot serve another request.
    const extra: Record<string, string> = req.complete ? {} : { Connection: "close" };
    writeError(res, error, requestId, languageOf(req.headers["accept-language"]), extra);
    return error.info.http;
  };

  const run = async (req: Request, res: Response): Promise<void> => {
    const begin = performance.now();
    const requestId = requestIdOf(req.headers["x-request-id"]);
    inFlight.count += 1;
    let status: number;
    try {
      if (inFlight.count > inFlight.max) throw new AppError("UNAVAILABLE", "too many requests at once", { retryAfterS: 1 });
      const reply = await work(req, requestId);
      status = reply.status ?? route.statuses[0];
      if ("content" in reply) await writeContent(req, res, status, requestId, reply.content);
      else writeJson(res, status, requestId, successText("json" in reply ? reply.json : JSON.stringify(reply.data)));
    } catch (thrown) {
      if (thrown instanceof ClientGone) return;
      status = answerError(req, res, requestId, thrown);
    } finally {
      inFlight.count -= 1;
    }
    observe(status, (performance.now() - begin) / 1000);
    if (logger.isLevelEnabled("debug")) logger.debug({ request_id: requestId, route: route.id, status }, "request");
  };

  return (req, res) => void run(req, res);
};

const rawBodyOf = (req: IncomingMessage): RawBody => {
  const length = req.headers["content-length"];
  return { stream: req, length: length === undefined ? undefined : Number(length), type: req.headers["content-type"] };
};

/** Writes content. What breaks off in the middle, at either end, ends the connection: there is nothing left to answer. */
const writeContent = async (req: Request, res: Response, status: number, requestId: string, { headers, body }: Content): Promise<void> => {
  res.writeHead(status, {
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": requestId,
    ...headers,
  });
  if (body === undefined || body instanceof Uint8Array) {
    res.end(body);
    return;
  }
  if (req.method === "HEAD") {
    body.destroy();
    res.end();
    return;
  }
  // Who reads nothing for so long has gone, or means harm.
  res.setTimeout(SILENT_READER_MS, () => res.destroy());
  try {
    await pipeline(body, res);
  } catch {
    throw new ClientGone();
  }
};

/** An empty JSON object is as good as no body; anything else has no business here. */
const refuseBody = async (req: IncomingMessage): Promise<void> => {
  const value = await readJson(req);
  if (value === null || typeof value !== "object" || Array.isArray(value) || Object.keys(value).length > 0) {
    throw new AppError("BAD_REQUEST", "no body is taken here");
  }
};
