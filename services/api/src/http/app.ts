import { AppError } from "@dunlin/runtime";
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import type { Api } from "../api.js";
import { docsRoutes } from "../openapi/docs.js";
import { routes } from "../routes/index.js";
import { dispatch, type InFlight } from "./dispatch.js";
import { writeError } from "./envelope.js";
import { healthRoutes } from "./health.js";
import { languageOf } from "./language.js";
import { requestIdOf } from "./request-id.js";
import { RequestMetrics } from "./request-metrics.js";

/** `/v1/dialogs/{peer}` as express writes it. */
const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

/** Paths with what they serve; literal segments before parameters, so that /users/me is not a user id. */
const bySpecificity = (a: string, b: string): number => (a.includes("{") ? 1 : 0) - (b.includes("{") ? 1 : 0);

/** The express app: the route table, health, documentation, and an envelope for everything else. */
export const createApp = (api: Api, inFlight: InFlight): Express => {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  app.enable("strict routing");
  app.set("query parser", false);
  app.set("trust proxy", api.ctx.config.IM_API_TRUSTED_PROXIES);

  const metrics = new RequestMetrics(api.ctx.metrics);
  const other = metrics.forRoute("other");
  const refuse =
    (code: "NOT_FOUND" | "METHOD_NOT_ALLOWED", headers: () => Record<string, string>): RequestHandler =>
    (req, res) => {
      const error = new AppError(code);
      writeError(res, error, requestIdOf(req.headers["x-request-id"]), languageOf(req.headers["accept-language"]), {
        ...headers(),
        ...(req.complete ? {} : { Connection: "close" }),
      });
      other(error.info.http, 0);
    };

  const methods = new Map<string, string[]>();
  // The busiest first: express looks through its routes in order.
  for (const route of [...routes].sort((a, b) => bySpecificity(a.path, b.path))) {
    app[route.method](expressPath(route.path), dispatch(api, route, inFlight, metrics));
    const allowed = methods.get(route.path) ?? [];
    allowed.push(...(route.method === "get" ? ["GET", "HEAD"] : [route.method.toUpperCase()]));
    methods.set(route.path, allowed);
  }
  for (const [path, handler] of [...healthRoutes(api.ctx), ...docsRoutes()]) {
    app.get(path, handler);
    methods.set(path, ["GET", "HEAD"]);
  }
  for (const [path, allowed] of methods)
    app.all(
      expressPath(path),
      refuse("METHOD_NOT_ALLOWED", () => ({ Allow: allowed.join(", ") })),
    );
  app.use(refuse("NOT_FOUND", () => ({})));

  // Only what express itself throws arrives here: bad percent-encoding in a path.
  const onError: ErrorRequestHandler = (thrown: unknown, req, res, _next) => {
    const status = (thrown as { status?: number }).status;
    const error = new AppError(status === 400 ? "BAD_REQUEST" : "INTERNAL", undefined, { cause: thrown });
    if (error.code === "INTERNAL") api.ctx.logger.error({ err: thrown }, "request failed outside of a route");
    writeError(res, error, requestIdOf(req.headers["x-request-id"]), languageOf(req.headers["accept-language"]), { Connection: "close" });
    other(error.info.http, 0);
  };
  app.use(onError);
  return app;
};
