import { errors } from "@dunlin/proto";
import { expect, test } from "vitest";
import { errorsOf } from "../http/route.js";
import { routes } from "../routes/index.js";
import { openApiDocument } from "./document.js";

interface Operation {
  operationId: string;
  summary: string;
  description: string;
  security: unknown[];
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: { $ref?: string } }> };
  responses: Record<string, { description: string }>;
}
const document = openApiDocument() as {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { additionalProperties?: boolean; properties?: object }> };
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ key: `${method} ${path}`, operation })),
);

test("every route is in the document and nothing else", () => {
  expect(document.openapi).toBe("3.1.0");
  expect(operations.map((o) => o.key).sort()).toEqual(routes.map((r) => `${r.method} ${r.path}`).sort());
  expect(new Set(routes.map((r) => r.id)).size).toBe(routes.length);
});

test.each(routes.map((route) => [route.id, route] as const))("%s names its parameters, body, answers and every error", (_id, route) => {
  const operation = document.paths[route.path]?.[route.method];
  if (!operation) throw new Error("not described");
  expect(operation.operationId).toBe(route.id);
  expect(operation.summary).toMatch(/^[A-Z]/);
  expect(operation.description).toMatch(/^\*\*Who:\*\* [A-Z].*\.\n\n\*\*Limits:\*\* .*`IM_RATE_\w+`.*\.$/);
  expect(operation.security).toHaveLength(route.auth ? 1 : 0);
  const inPath = (operation.parameters ?? []).filter((p) => p.in === "path").map((p) => p.name);
  expect(inPath).toEqual([...route.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]));
  expect(inPath).toEqual(Object.keys(route.params?.shape ?? {}));
  const inQuery = (operation.parameters ?? []).filter((p) => p.in === "query").map((p) => p.name);
  expect(inQuery).toEqual(Object.keys(route.query?.shape ?? {}));
  expect(operation.requestBody !== undefined).toBe(route.body !== undefined || route.rawBody === true);
  for (const status of route.statuses) expect(operation.responses[status]).toBeDefined();
  for (const code of errorsOf(route))
    expect(operation.responses[errors[code].http]?.description).toContain(`\`${errors[code].code}\` ${code}`);
});

test("request bodies refuse unknown fields, in the document too", () => {
  for (const name of ["OutgoingMessage", "RegisterRequest", "LoginRequest", "SendBatchRequest", "CreateGroupRequest"]) {
    expect(document.components.schemas[name]?.additionalProperties, name).toBe(false);
  }
});

test("shapes that several operations share stand there once", () => {
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining(["Message", "Dialog", "User", "Group", "Update", "Error"]),
  );
});
