import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, ApiFixture, eventually, type TestUser } from "./fixture.js";

let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.open();
});
afterAll(() => api.close());

const get = (user: TestUser, path: string) => api.call("GET", path, { token: user.token });
const post = (user: TestUser, path: string, body?: unknown) =>
  api.call("POST", path, { token: user.token, ...(body === undefined ? {} : { body }) });

/** A user's dialog once its newest message has this seq. */
const dialogAt = (user: TestUser, peer: string, topSeq: number): Promise<Answer["data"]> =>
  eventually(async () => {
    const { data } = await get(user, `/v1/dialogs/${peer}`);
    return data?.top_seq >= topSeq ? data : undefined;
  });

test("a message is accepted, stored, shown in both dialogs, read and in both update logs", async () => {
  const [ann, bob] = [await api.register("ann"), await api.register("bob")];
  const sent = await api.send(ann, bob.id, "hi bob 👋", { push: { title: "Ann" } });
  expect(sent).toEqual({
    id: expect.stringMatching(/^\d+$/),
    conversation_id: [ann.id, bob.id].sort().join("_"),
    created_at: expect.any(Number),
    state: "accepted",
  });
  const bobs = await dialogAt(bob, ann.id, 1);
  expect(bobs).toMatchObject({ peer: ann.id, kind: "user", title: ann.account, unread: 1, read_seq: 0 });
  expect(bobs.top_message).toMatchObject({
    id: sent.id,
    seq: 1,
    type: "C2C",
    from: ann.id,
    to: bob.id,
    payload: { msg_type: "text", text: "hi bob 👋" },
  });
  expect(await dialogAt(ann, bob.id, 1)).toMatchObject({ unread: 0, title: bob.account });

  const history = await get(bob, `/v1/dialogs/${ann.id}/messages`);
  expect(history.data).toEqual({ items: [bobs.top_message], next_cursor: null });

  const read = await post(bob, `/v1/dialogs/${ann.id}/read`, { seq: 99 });
  expect(read).toMatchObject({ status: 200, data: { read_seq: 1, unread: 0 } });
  expect(await post(bob, `/v1/dialogs/${ann.id}/read`, { seq: 0 })).toMatchObject({ status: 200, data: { read_seq: 1 } });
  expect((await get(ann, `/v1/messages/${sent.id}/readers`)).data.items).toEqual([{ user_id: bob.id, read_seq: 1 }]);

  const anns = await get(ann, "/v1/updates?pts=0");
  expect(anns.data).toMatchObject({
    has_more: false,
    too_long: false,
    updates: [
      { type: "C2C", pts: 1, id: sent.id },
      { type: "READ", pts: 2, read_seq: 1 },
    ],
  });
  expect((await get(bob, "/v1/updates?pts=0&limit=1")).data).toMatchObject({ has_more: true, pts: 2 });
});

test("the same client_msg_id answers the same id for the same message, 409 for another", async () => {
  const [ann, bob, cid] = [await api.register("ann"), await api.register("bob"), await api.register("cid")];
  const body = { to: bob.id, client_msg_id: "once", payload: { msg_type: "custom", b: 1, a: [{ y: 1, x: 2 }] } };
  const first = await post(ann, "/v1/messages", body);
  expect(first.status).toBe(202);
  const racing = await Promise.all([1, 2, 3].map(() => post(ann, "/v1/messages", body)));
  for (const answer of racing) expect(answer.data).toEqual(first.data);
  await dialogAt(bob, ann.id, 1);
  const reordered = { client_msg_id: "once", payload: { a: [{ x: 2, y: 1 }], b: 1, msg_type: "custom" }, to: bob.id };
  expect(await post(ann, "/v1/messages", reordered)).toMatchObject({ status: 202, data: first.data });
  for (const other of [
    { ...body, to: cid.id },
    { ...body, payload: { msg_type: "custom", b: 2 } },
    { ...body, mentions: [bob.id] },
  ]) {
    expect(await post(ann, "/v1/messages", other)).toMatchObject({ status: 409, code: 801 });
  }
  // The cache has forgotten; the store has not.
  await api.host.engines.cache.delete(`sent:${ann.id}:once`);
  expect(await post(ann, "/v1/messages", body)).toMatchObject({ status: 202, data: first.data });
  expect(await post(ann, "/v1/messages", { ...body, to: cid.id })).toMatchObject({ status: 409, code: 801 });
  // Somebody else's ids are their own.
  expect((await post(bob, "/v1/messages", { ...body, to: ann.id })).status).toBe(202);
  expect((await dialogAt(ann, bob.id, 2)).top_seq).toBe(2);
});

test("each message of a batch has its own result, and their order is kept", async () => {
  const [ann, bob] = [await api.register("ann"), await api.register("bob")];
  const text = (n: number, to = bob.id) => ({ to, client_msg_id: `b${n}`, payload: { msg_type: "text", text: `${n}` } });
  const messages = [text(1), text(2, `U${"x".repeat(14)}`), text(3), text(4, `G${"x".repeat(14)}`), text(5, ann.id), text(6)];
  const answer = await post(ann, "/v1/messages/batch", { messages });
  expect(answer.status).toBe(202);
  expect(answer.data.results.map((r: { code: number }) => r.code)).toEqual([0, 803, 0, 804, 400, 0]);
  await dialogAt(bob, ann.id, 3);
  const { data } = await get(bob, `/v1/dialogs/${ann.id}/messages`);
  expect(data.items.map((m: { payload: { text: string } }) => m.payload.text)).toEqual(["1", "3", "6"]);
  const again = await post(ann, "/v1/messages/batch", { messages });
  expect(again.data.results[0].data).toEqual(answer.data.results[0].data);
  const many = Array.from({ length: 101 }, (_, i) => text(i));
  expect((await post(ann, "/v1/messages/batch", { messages: many })).status).toBe(400);
  expect((await post(ann, "/v1/messages/batch", { messages: [] })).status).toBe(400);
  const chinese = await api.call("POST", "/v1/messages/batch", {
    token: ann.token,
    body: { messages: [text(7, `U${"y".repeat(14)}`)] },
    headers: { "accept-language": "zh-CN" },
  });
  expect(chinese.data.results[0].msg).toBe("会话对象不存在");
});

test("history pages backwards, forwards and by cursor; dialogs page by cursor", async () => {
  const ann = await api.register("ann");
  const peers = [await api.register("p"), await api.register("p"), await api.register("p")];
  const [bob] = peers as [TestUser];
  for (const peer of peers) await api.send(ann, peer.id, "0");
  // Stored before the next are sent: what one transaction stores is of one moment.
  for (const peer of peers) await dialogAt(ann, peer.id, 1);
  const batch = Array.from({ length: 9 }, (_, i) => ({
    to: bob.id,
    client_msg_id: `h${i}`,
    payload: { msg_type: "text", text: `${i + 1}` },
  }));
  await post(ann, "/v1/messages/batch", { messages: batch });
  await dialogAt(ann, bob.id, 10);
  const seqs = (data: Answer["data"]) => data.items.map((m: { seq: number }) => m.seq);
  const page = async (query: string) => (await get(ann, `/v1/dialogs/${bob.id}/messages?${query}`)).data;

  const newest = await page("limit=4");
  expect(seqs(newest)).toEqual([7, 8, 9, 10]);
  const middle = await page(`limit=4&cursor=${newest.next_cursor}`);
  expect(seqs(middle)).toEqual([3, 4, 5, 6]);
  const oldest = await page(`limit=4&cursor=${middle.next_cursor}`);
  expect(seqs(oldest)).toEqual([1, 2]);
  expect(oldest.next_cursor).toBeNull();
  expect(seqs(await page("before_seq=3"))).toEqual([1, 2]);
  const after = await page("after_seq=2&limit=4");
  expect(seqs(after)).toEqual([3, 4, 5, 6]);
  expect(seqs(await page(`limit=4&cursor=${after.next_cursor}`))).toEqual([7, 8, 9, 10]);
  expect(seqs(await page("after_seq=10"))).toEqual([]);
  expect((await get(ann, `/v1/dialogs/${bob.id}/messages?before_seq=3&after_seq=1`)).status).toBe(400);

  const first = (await get(ann, "/v1/dialogs?limit=2")).data;
  const second = (await get(ann, `/v1/dialogs?limit=2&cursor=${first.next_cursor}`)).data;
  expect(second.next_cursor).toBeNull();
  const all = [...first.items, ...second.items].map((d: { peer: string }) => d.peer);
  expect(all[0]).toBe(bob.id);
  expect([...all].sort()).toEqual(peers.map((p) => p.id).sort());
  for (const cursor of [first.next_cursor, "-5", "AAAA", newest.next_cursor]) {
    expect((await get(bob, `/v1/dialogs?cursor=${cursor}`)).status).toBe(400);
  }
  expect((await get(ann, `/v1/dialogs/${(peers[1] as TestUser).id}/messages?cursor=${newest.next_cursor}`)).status).toBe(400);
});

test("a group lives: create, talk, add, see only what came after joining, remove, leave", async () => {
  const [ann, bob, cid, dot] = [await api.register("ann"), await api.register("bob"), await api.register("cid"), await api.register("dot")];
  const created = await post(ann, "/v1/groups", { kind: "group", title: "Tea ☕", members: [bob.id, ann.id, bob.id] });
  expect(created).toMatchObject({ status: 201, data: { title: "Tea ☕", owner_id: ann.id, member_count: 2 } });
  const group = created.data.id as string;
  await api.send(bob, group, "before", { mentions: [ann.id] });
  expect(await dialogAt(ann, group, 1)).toMatchObject({ kind: "group", title: "Tea ☕", unread: 1, unread_mentions: 1 });

  expect(await post(bob, `/v1/groups/${group}/members`, { user_ids: [cid.id] })).toMatchObject({ status: 200, data: { state: "applied" } });
  expect(await post(bob, `/v1/groups/${group}/members`, { user_ids: [cid.id] })).toMatchObject({ status: 200 });
  const sent = await api.send(ann, group, "after");
  expect((await dialogAt(cid, group, 2)).unread).toBe(1);
  const seen = await get(cid, `/v1/dialogs/${group}/messages`);
  expect(seen.data.items.map((m: { seq: number }) => m.seq)).toEqual([2]);
  expect((await post(cid, `/v1/dialogs/${group}/read`, { seq: 2 })).status).toBe(200);
  const readers = await get(ann, `/v1/messages/${sent.id}/readers`);
  expect(readers.data.items.map((r: { user_id: string }) => r.user_id)).toEqual([cid.id]);

  const members = await get(bob, `/v1/groups/${group}/members?limit=2`);
  const rest = await get(bob, `/v1/groups/${group}/members?limit=2&cursor=${members.data.next_cursor}`);
  const listed = [...members.data.items, ...rest.data.items].map((m: { user_id: string; role: string }) => `${m.user_id} ${m.role}`);
  expect(listed.sort()).toEqual([`${ann.id} owner`, `${bob.id} member`, `${cid.id} member`].sort());

  // Not a member: the same answer as for a group that does not exist.
  const none = `G${"x".repeat(14)}`;
  for (const call of [
    (id: string) => get(dot, `/v1/groups/${id}`),
    (id: string) => get(dot, `/v1/groups/${id}/members`),
    (id: string) => get(dot, `/v1/dialogs/${id}`),
    (id: string) => get(dot, `/v1/dialogs/${id}/messages`),
    (id: string) => post(dot, `/v1/dialogs/${id}/read`, { seq: 1 }),
    (id: string) => post(dot, `/v1/groups/${id}/leave`),
    (id: string) => post(dot, `/v1/groups/${id}/members`, { user_ids: [dot.id] }),
    (id: string) => post(dot, "/v1/messages", { to: id, client_msg_id: "x", payload: { msg_type: "text", text: "x" } }),
  ]) {
    const [there, missing] = [await call(group), await call(none)];
    expect(there).toMatchObject({ status: 403, code: 804 });
    expect(missing.text).toBe(there.text);
  }
  expect((await get(dot, `/v1/messages/${sent.id}/readers`)).status).toBe(404);
  expect((await get(dot, "/v1/messages/123/readers")).status).toBe(404);

  const remove = (by: TestUser, user: TestUser) => api.call("DELETE", `/v1/groups/${group}/members/${user.id}`, { token: by.token });
  expect(await remove(bob, cid)).toMatchObject({ status: 403, code: 403 });
  expect(await remove(bob, ann)).toMatchObject({ status: 403 });
  expect(await remove(ann, dot)).toMatchObject({ status: 404 });
  expect(await remove(ann, cid)).toMatchObject({ status: 200 });
  expect(await post(cid, "/v1/messages", { to: group, client_msg_id: "k", payload: { msg_type: "text", text: "x" } })).toMatchObject({
    status: 403,
    code: 804,
  });
  await api.send(ann, group, "without cid");
  await dialogAt(ann, group, 3);
  for (const query of ["", "?after_seq=0", "?before_seq=99"]) {
    const kept = await get(cid, `/v1/dialogs/${group}/messages${query}`);
    expect(kept.data.items.map((m: { seq: number }) => m.seq)).toEqual([2]);
  }
  expect((await get(cid, `/v1/dialogs/${group}`)).data).toMatchObject({ top_seq: 2, left_seq: 2, top_message: { seq: 2 } });
  expect(await post(ann, `/v1/groups/${group}/leave`)).toMatchObject({ status: 409, code: 841 });
  expect(await post(ann, `/v1/groups/${group}/transfer`, { user_id: bob.id })).toMatchObject({ status: 200 });
  expect(await post(ann, `/v1/groups/${group}/leave`)).toMatchObject({ status: 200 });
  expect((await get(bob, `/v1/groups/${group}`)).data).toMatchObject({ owner_id: bob.id, member_count: 1 });
});

test("a group has a limit, and members that exist", async () => {
  const ann = await api.register("ann");
  const others: string[] = [];
  for (let i = 0; i < 20; i++) others.push((await api.register("m")).id);
  const create = (members: string[]) => post(ann, "/v1/groups", { kind: "group", title: "t", members });
  expect(await create(others)).toMatchObject({ status: 409, code: 805 });
  expect(await create([`U${"x".repeat(14)}`])).toMatchObject({ status: 404, code: 803, data: { user_ids: [`U${"x".repeat(14)}`] } });
  const { data } = await create(others.slice(0, 19));
  expect(data.member_count).toBe(20);
  expect(await post(ann, `/v1/groups/${data.id}/members`, { user_ids: [others[19]] })).toMatchObject({ status: 409, code: 805 });
  expect(await post(ann, "/v1/groups", { kind: "channel", title: "t", members: [] })).toMatchObject({ status: 400 });
});

test("updates too far ahead say so; no text of a message is ever logged", async () => {
  const [ann, bob] = [await api.register("ann"), await api.register("bob")];
  expect((await get(ann, "/v1/updates?pts=1000")).data).toMatchObject({ too_long: true, updates: [] });
  await api.send(ann, bob.id, "a very secret text");
  await dialogAt(bob, ann.id, 1);
  expect(api.log.join("")).not.toContain("very secret");
});
