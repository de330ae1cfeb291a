import { routes } from "@dunlin/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiFixture } from "./fixture.js";

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.open({ ingest: false });
});
afterAll(() => api.close());

test("the document describes what is served: every route answers, and none is missing", async () => {
  const response = await fetch(`${api.url}/openapi.json`);
  expect(response.headers.get("content-type")).toContain("application/json");
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, unknown>> };
  const described = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  expect(described.sort()).toEqual(routes.map((r) => `${r.method} ${r.path}`).sort());
  for (const key of described) {
    const [method = "", path = ""] = key.split(" ");
    const { status } = await api.call(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, "x"));
    expect([400, 401, 415], key).toContain(status);
  }
});

test("the documentation reads without the internet", async () => {
  const page = await fetch(`${api.url}/docs`);
  const html = await page.text();
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(html).not.toMatch(/https?:\/\//);
  const assets = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map((m) => m[1] as string);
  expect(assets.length).toBeGreaterThanOrEqual(4);
  for (const asset of assets) {
    const response = await fetch(api.url + asset);
    expect(response.status, asset).toBe(200);
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(50);
    const again = await fetch(api.url + asset, { headers: { "if-none-match": response.headers.get("etag") ?? "" } });
    expect(again.status).toBe(304);
  }
});

test("requests are counted by route, never by address", async () => {
  const ann = await api.register("ann");
  await api.call("GET", `/v1/users/${ann.id}`, { token: ann.token });
  const metrics = await api.host.metrics.registry.metrics();
  expect(metrics).toContain('dunlin_api_requests_total{route="/v1/users/{id}",status="200"} 1');
  expect(metrics).toContain('dunlin_api_request_seconds_count{route="/v1/users/{id}"}');
  expect(metrics).toContain("dunlin_messages_accepted_total 0");
  expect(metrics).not.toContain(ann.id);
});
