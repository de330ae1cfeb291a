import { newId, Snowflakes } from "@dunlin/domain";
import { systemClock } from "@dunlin/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { png } from "../support/pictures.js";
import { ApiFixture, type TestUser } from "./fixture.js";

const ROUNDS = 200;
let api: ApiFixture;
let ann: TestUser;
let stranger: TestUser;
beforeAll(async () => {
  api = await ApiFixture.open({ env: { IM_RATE_OTHER_PER_S: "0", IM_LOG_LEVEL: "warn" } });
  [ann, stranger] = [await api.register("ann"), await api.register("stranger")];
});
afterAll(() => api.close());

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

const group = async (): Promise<string> => {
  const body = { kind: "group", title: "tea", members: [] };
  return (await api.call("POST", "/v1/groups", { token: ann.token, body })).data.id;
};
const message = async (): Promise<string> => {
  const { id } = await api.send(ann, (await api.register("bob")).id, "between us");
  return id;
};
const file = async (): Promise<string> => {
  const bytes = png(10, 10);
  const body = { name: "a.png", size: bytes.length, type: "image/png" };
  const { id, upload_url } = (await api.call("POST", "/v1/files", { token: ann.token, body })).data;
  await fetch(new URL(upload_url, api.url), { method: "PUT", headers: { "content-type": "image/png" }, body: new Uint8Array(bytes) });
  await api.call("POST", `/v1/files/${id}/complete`, { token: ann.token });
  return id;
};

test.each<[string, () => Promise<string>, () => string, (id: string) => string]>([
  ["a group's members", group, () => newId("G"), (id) => `/v1/groups/${id}/members`],
  ["a group's history", group, () => newId("G"), (id) => `/v1/dialogs/${id}/messages`],
  ["a message's readers", message, () => new Snowflakes(api.identity.lease, systemClock).next(), (id) => `/v1/messages/${id}/readers`],
  ["a file", file, () => newId("F"), (id) => `/v1/files/${id}`],
])("neither the answer nor its time tells a stranger whether there is %s", async (_what, make, made, pathOf) => {
  const id = await make();
  const times = { there: [] as number[], nowhere: [] as number[] };
  let first = "";
  // By turns, so that whatever else the machine does meets both alike.
  for (let i = 0; i < ROUNDS; i++) {
    for (const [kind, path] of [
      ["there", pathOf(id)],
      ["nowhere", pathOf(made())],
    ] as const) {
      const begun = performance.now();
      const { status, text } = await api.call("GET", path, { token: stranger.token });
      times[kind].push(performance.now() - begun);
      first ||= text;
      expect([403, 404]).toContain(status);
      expect(text).toBe(first);
    }
  }
  const [there, nowhere] = [median(times.there), median(times.nowhere)];
  expect(Math.max(there, nowhere) / Math.min(there, nowhere)).toBeLessThan(3);
});
