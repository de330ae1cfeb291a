import type { RequestHandler } from "express";
import type { ApiContext } from "../context.js";
import { codeText, successText, writeJson } from "./envelope.js";
import { languageOf } from "./language.js";
import { requestIdOf } from "./request-id.js";

/** /healthz: the process answers. /readyz: what it depends on is up and it is not draining. */
export const healthRoutes = ({ health, logger }: Pick<ApiContext, "health" | "logger">): [string, RequestHandler][] => [
  ["/healthz", (req, res) => writeJson(res, 200, requestIdOf(req.headers["x-request-id"]), successText('{"alive":true}'))],
  [
    "/readyz",
    async (req, res) => {
      const requestId = requestIdOf(req.headers["x-request-id"]);
      const report = await health.report();
      // Reasons name hosts and ports: they are for the log and the operators' port, not for the world.
      if (report.ready) writeJson(res, 200, requestId, successText('{"ready":true}'));
      else {
        logger.warn({ checks: report.checks }, "not ready");
        writeJson(res, 503, requestId, codeText("UNAVAILABLE", languageOf(req.headers["accept-language"])), { "Retry-After": "1" });
      }
    },
  ],
];
