import { extendZodWithOpenApi, OpenAPIRegistry, OpenApiGeneratorV31, type ResponseConfig } from "@asteasolutions/zod-to-openapi";
import { type ErrorCode, errors } from "@dunlin/proto";
import { z } from "zod";
import { BODY_BYTES_MAX } from "../http/json-body.js";
import { errorsOf, type Route } from "../http/route.js";
import { rateText } from "../limits/operation-classes.js";
import { routes } from "../routes/index.js";

extendZodWithOpenApi(z);

const VERSION = "1.0.0";

const envelope = (data: z.ZodType) => z.object({ code: z.literal(0), msg: z.string(), data });

const errorBody = z
  .object({
    code: z.int().meta({ description: "A code of the error table" }),
    msg: z.string().meta({ description: "For people, in the language of Accept-Language (en, zh)" }),
    data: z.record(z.string(), z.unknown()).nullable().meta({ description: "What is wrong, when there is more to say" }),
  })
  .meta({ id: "Error" });

const bytes = (type: string) => ({ [type]: { schema: { type: "string" as const, format: "binary" } } });
const json = (schema: z.ZodType) => ({ "application/json": { schema } });
const requestIdHeader = { "X-Request-Id": { description: "Names this request in logs", schema: { type: "string" as const } } };
const retryAfterHeader = { "Retry-After": { description: "Seconds", schema: { type: "integer" as const } } };

const successText: Record<number, string> = {
  200: "Done",
  201: "Created",
  202: "Durable; takes effect a little later",
  206: "The part asked for",
  302: "It is there",
};

const responsesOf = (route: Route) => {
  const responses: Record<string, ResponseConfig> = {};
  for (const status of route.statuses) {
    const content = route.contentType === undefined ? json(envelope(route.response)) : status < 300 && bytes(route.contentType);
    responses[status] = { description: successText[status] ?? "Done", headers: requestIdHeader, ...(content && { content }) };
  }
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route)) byStatus.set(errors[code].http, [...(byStatus.get(errors[code].http) ?? []), code]);
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    responses[status] = {
      description: codes.map((code) => `\`${errors[code].code}\` ${code}: ${errors[code].en}`).join("; "),
      headers: status === 429 || status === 503 ? { ...requestIdHeader, ...retryAfterHeader } : requestIdHeader,
      content: json(errorBody),
    };
  }
  return responses;
};

const bodyText = (route: Route): string[] => (route.body ? [`A body of at most ${BODY_BYTES_MAX / 1024} KiB`] : []);

/** Whose part an operation is, and its limits; its errors stand with the responses. */
const descriptionOf = (route: Route): string =>
  [
    `**Who:** ${route.who}`,
    `**Limits:** ${[rateText(route.limit), ...bodyText(route), ...(route.bounds === undefined ? [] : [route.bounds])].join(". ")}.`,
  ].join("\n\n");

/** The OpenAPI 3.1 document of the route table. */
export const openApiDocument = (): object => {
  const registry = new OpenAPIRegistry();
  const bearer = registry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer", bearerFormat: "JWT" });
  for (const route of routes) {
    registry.registerPath({
      method: route.method,
      path: route.path,
      operationId: route.id,
      tags: [route.tag],
      summary: route.summary,
      description: descriptionOf(route),
      security: route.auth ? [{ [bearer.name]: [] }] : [],
      request: {
        ...(route.params ? { params: route.params } : {}),
        ...(route.query ? { query: route.query } : {}),
        ...(route.body ? { body: { required: true, content: json(route.body) } } : {}),
        ...(route.rawBody ? { body: { required: true, content: bytes("application/octet-stream") } } : {}),
      },
      responses: responsesOf(route),
    });
  }
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: "3.1.0",
    info: {
      title: "Dunlin",
      version: VERSION,
      description:
        "Instant messaging over HTTP: every operation of clients. Live updates come over the WebSocket that `GET /v1/gateway` names. " +
        "Every answer is an envelope `{code, msg, data}`; ids are strings, times are integer milliseconds since 1970.",
    },
    servers: [{ url: "/" }],
  });
};
