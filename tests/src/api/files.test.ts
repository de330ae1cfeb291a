import { request } from "node:http";
import { sleep } from "@dunlin/runtime";
import { afterEach, expect, test } from "vitest";
import { png } from "../support/pictures.js";
import { ApiFixture, type TestUser } from "./fixture.js";

let api: ApiFixture;
afterEach(() => api.close());

const announce = async (user: TestUser, size: number, type = "image/png"): Promise<{ id: string; upload_url: string }> => {
  const { status, data } = await api.call("POST", "/v1/files", { token: user.token, body: { name: "a b.png", size, type } });
  expect(status).toBe(201);
  return data;
};

/** Uploads with a pause in the middle. @returns the status, 0 when the connection was closed instead */
const uploadSlowly = (path: string, bytes: Buffer, pauseMs: number): Promise<number> =>
  new Promise((resolve) => {
    const headers = { "content-type": "image/png", "content-length": bytes.length };
    const req = request(new URL(path, api.url), { method: "PUT", headers });
    req.on("error", () => resolve(0));
    req.on("response", (res) => resolve(res.statusCode ?? 0));
    req.write(bytes.subarray(0, 10));
    void sleep(pauseMs).then(() => req.end(bytes.subarray(10)));
  });

test("an upload may take longer than a request, but not longer than uploads may", async () => {
  api = await ApiFixture.open({
    env: { IM_API_REQUEST_TIMEOUT_S: "1", IM_API_HEADERS_TIMEOUT_S: "1", IM_FILES_UPLOAD_S: "5" },
    ingest: false,
  });
  const ann = await api.register("ann");
  const bytes = png(10, 10);
  const first = await announce(ann, bytes.length);
  expect(await uploadSlowly(first.upload_url, bytes, 3_500)).toBe(200);
  expect((await api.call("POST", `/v1/files/${first.id}/complete`, { token: ann.token })).status).toBe(200);
  const second = await announce(ann, bytes.length);
  expect(await uploadSlowly(second.upload_url, bytes, 9_000)).toBe(0);
  expect((await api.call("POST", `/v1/files/${second.id}/complete`, { token: ann.token })).code).toBe(873);
});

test("redirected, a client finds the file where the blobs are, as an attachment; without the signature nobody does", async () => {
  api = await ApiFixture.open({ env: { IM_FILES_DOWNLOAD: "redirect" }, ingest: false });
  const ann = await api.register("ann");
  const bytes = png(10, 10);
  const { id, upload_url } = await announce(ann, bytes.length);
  expect(await uploadSlowly(upload_url, bytes, 0)).toBe(200);
  await api.call("POST", `/v1/files/${id}/complete`, { token: ann.token });
  const answer = await fetch(`${api.url}/v1/files/${id}`, { headers: { authorization: `Bearer ${ann.token}` }, redirect: "manual" });
  expect(answer.status).toBe(302);
  const url = new URL(answer.headers.get("location") ?? "", api.url);
  const file = await fetch(url);
  expect(file.status).toBe(200);
  expect(file.headers.get("content-type")).toBe("image/png");
  expect(file.headers.get("x-content-type-options")).toBe("nosniff");
  expect(file.headers.get("content-disposition")).toBe(`attachment; filename="a b.png"; filename*=UTF-8''a%20b.png`);
  expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true);
  url.pathname = url.pathname.slice(0, -1);
  expect((await fetch(url)).status).toBe(403);
});

test("no more than one's space; what is announced counts", async () => {
  api = await ApiFixture.open({ env: { IM_FILES_QUOTA_MB: "1" }, ingest: false });
  const [ann, bob] = [await api.register("ann"), await api.register("bob")];
  const create = (size: number, user = ann) =>
    api.call("POST", "/v1/files", { token: user.token, body: { name: "x", size, type: "application/pdf" } });
  expect((await create(600_000)).status).toBe(201);
  expect(await create(400_001)).toMatchObject({ status: 409, code: 876, data: { quota: 1_000_000, used: 600_000 } });
  expect((await create(400_000)).status).toBe(201);
  expect((await create(1)).code).toBe(876);
  expect((await create(1_000_000, bob)).status).toBe(201);
});

test("only the types and sizes that the settings name", async () => {
  api = await ApiFixture.open({ env: { IM_FILES_TYPES: "image/png,application/pdf", IM_FILES_MAX_MB: "1" }, ingest: false });
  const ann = await api.register("ann");
  const create = async (size: number, type: string) =>
    (await api.call("POST", "/v1/files", { token: ann.token, body: { name: "x", size, type } })).status;
  expect(await create(1_000_000, "application/pdf")).toBe(201);
  expect(await create(1_000_001, "application/pdf")).toBe(413);
  expect(await create(1_000_001, "image/png")).toBe(413);
  expect(await create(1, "image/jpeg")).toBe(415);
});
