import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { RequestHandler } from "express";
import { requestIdOf } from "../http/request-id.js";
import { openApiDocument } from "./document.js";

const require = createRequire(import.meta.url);

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dunlin HTTP API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;
const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });\n`;

/** Everything is served from here: the pages work without the internet, and nothing may be loaded from elsewhere. */
const CONTENT_SECURITY_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/** Reads or makes a file at its first request and keeps it; there are only a handful. */
const file = (type: string, load: () => Buffer): RequestHandler => {
  let kept: { body: Buffer; tag: string } | undefined;
  return (req, res) => {
    if (!kept) {
      const body = load();
      kept = { body, tag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"` };
    }
    const headers = {
      "Cache-Control": "no-cache",
      "Content-Security-Policy": CONTENT_SECURITY_POLICY,
      ETag: kept.tag,
      "X-Content-Type-Options": "nosniff",
      "X-Request-Id": requestIdOf(req.headers["x-request-id"]),
    };
    if (req.headers["if-none-match"] === kept.tag) res.writeHead(304, headers).end();
    else res.writeHead(200, { ...headers, "Content-Type": type, "Content-Length": kept.body.length }).end(kept.body);
  };
};

/** /openapi.json, and /docs to read it in a browser. */
export const docsRoutes = (): [string, RequestHandler][] => {
  const folder = dirname(require.resolve("swagger-ui-dist/package.json"));
  const asset = (name: string, type: string): [string, RequestHandler] => [
    `/docs/${name}`,
    file(type, () => readFileSync(join(folder, name))),
  ];
  return [
    ["/openapi.json", file("application/json; charset=utf-8", () => Buffer.from(JSON.stringify(openApiDocument())))],
    ["/docs", file("text/html; charset=utf-8", () => Buffer.from(PAGE))],
    ["/docs/start.js", file("text/javascript; charset=utf-8", () => Buffer.from(START))],
    asset("swagger-ui.css", "text/css; charset=utf-8"),
    asset("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    asset("favicon-32x32.png", "image/png"),
  ];
};
