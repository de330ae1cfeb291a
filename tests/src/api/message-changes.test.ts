import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiFixture, eventually, type TestUser } from "./fixture.js";

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.open({ env: { IM_EDIT_WINDOW_S: "0", IM_RECALL_WINDOW_S: "0" } });
});
afterAll(() => api.close());

const call = (user: TestUser, method: string, path: string, body?: unknown) =>
  api.call(method, path, { token: user.token, ...(body === undefined ? {} : { body }) });
const stored = (user: TestUser, peer: string, id: string) =>
  eventually(async () => {
    const { data } = await call(user, "GET", `/v1/dialogs/${peer}/messages`);
    return data?.items?.some((message: { id: string }) => message.id === id) || undefined;
  });
const edited = { payload: { msg_type: "text", text: "other" } };

test("behind the window nobody edits, and only owner and admins recall", async () => {
  const [ann, bob] = [await api.register("ann"), await api.register("bob")];
  const { data: group } = await call(ann, "POST", "/v1/groups", { kind: "group", title: "t", members: [bob.id] });
  const [anns, bobs] = [await api.send(ann, group.id, "a"), await api.send(bob, group.id, "b")];
  await stored(bob, group.id, bobs.id);
  for (const [user, id] of [
    [ann, anns.id],
    [bob, bobs.id],
  ] as const) {
    expect(await call(user, "PATCH", `/v1/messages/${id}`, edited)).toMatchObject({ status: 409, code: 810 });
  }
  expect(await call(bob, "DELETE", `/v1/messages/${bobs.id}?for=everyone`)).toMatchObject({ status: 409, code: 810 });
  expect(await call(bob, "DELETE", `/v1/messages/${anns.id}?for=everyone`)).toMatchObject({ status: 403, code: 403 });
  for (const id of [bobs.id, anns.id]) {
    expect(await call(ann, "DELETE", `/v1/messages/${id}?for=everyone`)).toMatchObject({ status: 200, data: { state: "applied" } });
  }
  const own = await api.send(ann, bob.id, "hi");
  await stored(ann, bob.id, own.id);
  expect(await call(ann, "DELETE", `/v1/messages/${own.id}?for=everyone`)).toMatchObject({ status: 409, code: 810 });
  expect(await call(ann, "DELETE", `/v1/messages/${own.id}?for=me`)).toMatchObject({ status: 200 });
  expect(await call(ann, "DELETE", `/v1/messages/${own.id}?for=me`)).toMatchObject({ status: 200 });
});

test("what is no such request is 400, what one cannot see 404", async () => {
  const [ann, bob, cid] = [await api.register("ann"), await api.register("bob"), await api.register("cid")];
  const { id } = await api.send(ann, bob.id, "hi");
  await stored(bob, ann.id, id);
  for (const [method, path, body] of [
    ["DELETE", `/v1/messages/${id}`],
    ["DELETE", `/v1/messages/${id}?for=nobody`],
    ["DELETE", `/v1/messages/x?for=me`],
    ["PATCH", `/v1/messages/${id}`, {}],
    ["PATCH", `/v1/messages/${id}`, { ...edited, more: 1 }],
    ["PATCH", `/v1/messages/${id}`, { payload: { msg_type: "recalled" } }],
    ["PUT", `/v1/messages/${id}/reactions/x`],
    ["PUT", `/v1/messages/${id}/reactions/%F0%9F%91%8D%F0%9F%91%8D`],
    ["PUT", `/v1/messages/${id}/reactions/%FF`],
    ["PUT", `/v1/messages/${id}/pin`, { on: true }],
    ["GET", `/v1/dialogs/nobody/pinned`],
  ] as const) {
    expect(await call(bob, method, path, body), `${method} ${path}`).toMatchObject({ status: 400, code: 400 });
  }
  for (const [method, path, body] of [
    ["DELETE", `/v1/messages/${id}?for=me`],
    ["DELETE", `/v1/messages/${id}?for=everyone`],
    ["PATCH", `/v1/messages/${id}`, edited],
    ["GET", `/v1/messages/${id}/edits`],
    ["GET", `/v1/messages/${id}/readers`],
    ["PUT", `/v1/messages/${id}/reactions/%F0%9F%91%8D`],
    ["DELETE", `/v1/messages/${id}/reactions/%F0%9F%91%8D`],
    ["PUT", `/v1/messages/${id}/pin`],
    ["DELETE", `/v1/messages/${id}/pin`],
  ] as const) {
    const [there, missing] = [await call(cid, method, path, body), await call(cid, method, path.replace(id, "123"), body)];
    expect(there, `${method} ${path}`).toMatchObject({ status: 404, code: 404 });
    expect(missing.text).toBe(there.text);
  }
});
