import { type CloseOrder, subscribeControl } from "@dunlin/domain";
import { sys } from "@dunlin/proto";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { atEnd } from "../support/embedded-host.js";
import { eventually } from "../support/eventually.js";
import { tokensOf } from "../support/settings.js";
import { failureOf } from "./caller.js";
import { framesOf, startSys } from "./fixture.js";

const { MessageServiceService: messages, TokenServiceService: tokens, UserServiceService: users, GroupServiceService: groups } = sys;
const NOBODY = "U11111111111111";
const text = (words: string): string => JSON.stringify({ msg_type: "text", text: words });

test("users: created, found by id and by account in any case; a taken account is ALREADY_EXISTS", async () => {
  const { caller } = await startSys();
  const ann = await caller.ask(users.createUser, { account: "Ann", password: "correct horse", nickname: "Ann Ä." });
  expect(ann).toMatchObject({ account: "ann", nickname: "Ann Ä.", avatar: "" });
  expect(await caller.ask(users.getUser, { userId: ann.id, account: "" })).toEqual(ann);
  expect(await caller.ask(users.getUser, { userId: "", account: "ANN" })).toEqual(ann);
  const again = { account: "ann", password: "correct horse", nickname: "" };
  expect(await failureOf(caller.ask(users.createUser, again))).toMatchObject({ status: status.ALREADY_EXISTS, code: 702 });
  expect(await failureOf(caller.ask(users.getUser, { userId: NOBODY, account: "" }))).toMatchObject({
    status: status.NOT_FOUND,
    code: 404,
  });
});

test("tokens: issued for users that exist, checked, revoked with an order to close", async () => {
  const { caller, suite, settings, addUser } = await startSys();
  const [ann, bob] = [await addUser("ann"), await addUser("bob")];
  const orders: CloseOrder[] = [];
  const subscription = await subscribeControl(suite.host.engines.cache, (order) => orders.push(order));
  atEnd(() => subscription.close());
  const issue = (deviceId: string) => caller.ask(tokens.issueToken, { userId: ann, deviceId, platform: "web" });
  const active = async (userId: string, sessionId: string) => (await caller.ask(tokens.checkSession, { userId, sessionId })).active;

  const [phone, laptop] = [await issue("phone"), await issue("laptop")];
  const claims = await tokensOf(settings)().verifyAccess(phone.accessToken);
  expect(claims).toMatchObject({ userId: ann, sessionId: phone.sessionId, deviceId: "phone", platform: "web" });
  expect(phone.expiresIn).toBe(900);
  expect(await active(ann, phone.sessionId)).toBe(true);
  expect(await active(bob, phone.sessionId)).toBe(false);
  expect(await active(ann, "unknown")).toBe(false);

  expect(await caller.ask(tokens.revokeSessions, { userId: bob, sessionIds: [phone.sessionId] })).toEqual({ revoked: 0 });
  expect(await caller.ask(tokens.revokeSessions, { userId: ann, sessionIds: [phone.sessionId] })).toEqual({ revoked: 1 });
  expect(await active(ann, phone.sessionId)).toBe(false);
  expect(await active(ann, laptop.sessionId)).toBe(true);
  expect(await caller.ask(tokens.revokeSessions, { userId: ann, sessionIds: [] })).toEqual({ revoked: 1 });
  expect(await active(ann, laptop.sessionId)).toBe(false);
  await eventually("both orders", () => orders.length === 2);
  expect(orders.map(({ sessionIds, close, revoked }) => ({ sessionIds, close, revoked }))).toEqual([
    { sessionIds: [phone.sessionId], close: "KICKED", revoked: true },
    { sessionIds: [laptop.sessionId], close: "KICKED", revoked: true },
  ]);
  const nobody = caller.ask(tokens.issueToken, { userId: NOBODY, deviceId: "d", platform: "web" });
  expect(await failureOf(nobody)).toMatchObject({ status: status.NOT_FOUND, code: 404 });
});

test("messages: sent as a user, once for a client_msg_id; both read them by difference and by history", async () => {
  const { caller, addUser } = await startSys();
  const [ann, bob] = [await addUser("ann"), await addUser("bob")];
  const send = (clientMsgId: string, payload = text(clientMsgId)) =>
    caller.ask(messages.sendMessage, { from: ann, to: bob, clientMsgId, payload, mentions: [] });
  const sent = [];
  for (const id of ["1", "2", "3", "4", "5"]) sent.push(await send(id));
  expect(await send("3")).toEqual(sent[2]);
  expect(await failureOf(send("3", text("another")))).toMatchObject({ status: status.ALREADY_EXISTS, code: 801 });
  await eventually("bob has all", async () => (await framesOf(caller, bob)).length === 5);
  expect(await send("5")).toEqual(sent[4]);

  const ids = sent.map((message) => message.id);
  for (const user of [ann, bob]) {
    const frames = await framesOf(caller, user);
    expect(frames.map((frame) => [frame["type"], frame["pts"], frame["id"]])).toEqual(ids.map((id, i) => ["C2C", i + 1, id]));
  }
  const difference = (pts: number, limit: number) => caller.ask(messages.getDifference, { userId: bob, pts, limit });
  expect(await difference(0, 0)).toEqual({ updates: [], pts: 5, hasMore: true, tooLong: false });
  expect(await difference(3, 1)).toMatchObject({ updates: [{ pts: 4 }], pts: 5, hasMore: true });
  expect(await difference(5, 10)).toEqual({ updates: [], pts: 5, hasMore: false, tooLong: false });
  expect(await difference(6, 10)).toMatchObject({ updates: [], tooLong: true });

  const history = async (query: Partial<sys.GetHistoryRequest>) => {
    const page = await caller.ask(messages.getHistory, { userId: bob, peer: ann, limit: 2, ...query });
    return [page.messages.map((message) => (JSON.parse(message) as { seq: number }).seq), page.hasMore];
  };
  expect(await history({})).toEqual([[4, 5], true]);
  expect(await history({ beforeSeq: 3 })).toEqual([[1, 2], false]);
  expect(await history({ afterSeq: 0 })).toEqual([[1, 2], true]);
  expect(await history({ afterSeq: 3 })).toEqual([[4, 5], false]);

  const to = (peer: string, payload = text("hi")) =>
    caller.ask(messages.sendMessage, { from: ann, to: peer, clientMsgId: "9", payload, mentions: [] });
  expect(await failureOf(to(NOBODY))).toMatchObject({ status: status.NOT_FOUND, code: 803 });
  expect(await failureOf(to("G11111111111111"))).toMatchObject({ status: status.PERMISSION_DENIED, code: 804 });
  expect(await failureOf(to(ann))).toMatchObject({ status: status.INVALID_ARGUMENT, code: 400 });
  expect(await failureOf(to(bob, text("x".repeat(16_385))))).toMatchObject({ status: status.RESOURCE_EXHAUSTED, code: 802 });
});

test("an answer stays below 4 MiB however long the messages are; the rest comes with the next call", async () => {
  const { caller, addUser } = await startSys();
  const [ann, bob] = [await addUser("ann"), await addUser("bob")];
  const long = text("é".repeat(8_000));
  const send = (i: number) => caller.ask(messages.sendMessage, { from: ann, to: bob, clientMsgId: String(i), payload: long, mentions: [] });
  await Promise.all(Array.from({ length: 300 }, (_, i) => send(i)));
  await eventually("all stored", async () => (await caller.ask(messages.getDifference, { userId: bob, pts: 0, limit: 0 })).pts === 300);
  const first = await caller.ask(messages.getDifference, { userId: bob, pts: 0, limit: 1000 });
  expect(first.hasMore).toBe(true);
  expect(first.updates.length).toBeLessThan(300);
  expect((await framesOf(caller, bob)).map((frame) => frame["pts"])).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  const page = await caller.ask(messages.getHistory, { userId: bob, peer: ann, limit: 200 });
  const seqs = page.messages.map((message) => (JSON.parse(message) as { seq: number }).seq);
  expect([seqs.at(-1), page.hasMore]).toEqual([300, true]);
}, 120_000);

test("notifications: each user once for an id, each with its own code", async () => {
  const { caller, addUser } = await startSys();
  const userIds = [await addUser("ann"), await addUser("bob"), NOBODY];
  const notify = (payload: string, clientMsgId = "news") => caller.ask(messages.sendNotification, { userIds, clientMsgId, payload });
  const first = await notify(text("hello"));
  expect(first.results.map(({ userId, code }) => [userId, code])).toEqual([
    [userIds[0], 0],
    [userIds[1], 0],
    [NOBODY, 803],
  ]);
  expect(await notify(text("hello"))).toEqual(first);
  await eventually("ann has it", async () => (await framesOf(caller, userIds[0] as string)).length > 0);
  expect(await notify(text("hello"))).toEqual(first);
  expect((await notify(text("another"))).results.map(({ code }) => code)).toEqual([801, 801, 803]);
  await notify(text("more"), "more");
  await eventually("ann has the next", async () => (await framesOf(caller, userIds[0] as string)).length > 1);
  const frames = await framesOf(caller, userIds[0] as string);
  expect(frames.map((frame) => [frame["type"], frame["pts"], frame["from"], frame["payload"]])).toEqual([
    ["S2C", 1, "system", { msg_type: "text", text: "hello" }],
    ["S2C", 2, "system", { msg_type: "text", text: "more" }],
  ]);
  const history = await caller.ask(messages.getHistory, { userId: userIds[0] as string, peer: "system", limit: 10 });
  expect(history.messages.map((message) => (JSON.parse(message) as { seq: number }).seq)).toEqual([1, 2]);
});

test("groups: created with their members; who joins later does not read what was before", async () => {
  const { caller, addUser } = await startSys({ IM_GROUP_MEMBERS_MAX: "3" });
  const [ann, bob, cas, dan] = [await addUser("ann"), await addUser("bob"), await addUser("cas"), await addUser("dan")];
  const group = await caller.ask(groups.createGroup, { ownerId: ann, title: "Team", members: [bob] });
  expect(group).toMatchObject({ title: "Team", ownerId: ann });
  expect([...group.members].sort()).toEqual([ann, bob].sort());
  expect(await caller.ask(groups.getGroup, { groupId: group.id })).toEqual(group);
  expect((await framesOf(caller, bob)).map((frame) => frame["type"])).toEqual(["MEMBER"]);

  await caller.ask(messages.sendMessage, { from: ann, to: group.id, clientMsgId: "1", payload: text("hi"), mentions: [bob, "@all"] });
  await eventually("bob has it", async () => (await framesOf(caller, bob)).length === 2);
  const read = (userId: string) => caller.ask(messages.getHistory, { userId, peer: group.id, limit: 10 });
  expect((await read(bob)).messages).toHaveLength(1);
  expect(await failureOf(read(cas))).toMatchObject({ status: status.PERMISSION_DENIED, code: 804 });

  const full = caller.ask(groups.createGroup, { ownerId: ann, title: "Full", members: [bob, cas, dan] });
  expect(await failureOf(full)).toMatchObject({ status: status.FAILED_PRECONDITION, code: 805 });
  const missing = caller.ask(groups.createGroup, { ownerId: ann, title: "Missing", members: [NOBODY] });
  expect(await failureOf(missing)).toMatchObject({ status: status.NOT_FOUND, code: 803 });
  expect(await failureOf(caller.ask(groups.getGroup, { groupId: "G11111111111111" }))).toMatchObject({ status: status.NOT_FOUND });
});

test("connections: listed, seen as presence, kicked without ending the session", async () => {
  const { caller, suite, addUser } = await startSys();
  const [ann, bob] = [await addUser("ann"), await addUser("bob")];
  const { accessToken, sessionId } = await caller.ask(tokens.issueToken, { userId: ann, deviceId: "phone", platform: "ios" });
  const presence = async () =>
    (await caller.ask(sys.PresenceServiceService.getPresence, { userIds: [ann, bob] })).users.map((user) => user.status);
  const list = async () => (await caller.ask(sys.ConnectionServiceService.listConnections, { userId: ann })).connections;
  expect(await presence()).toEqual(["offline", "offline"]);

  const socket = new WebSocket(`${suite.wsUrls[0]}?token=${accessToken}`, "text");
  atEnd(() => socket.terminate());
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  const [connection] = await eventually("the connection", async () => {
    const found = await list();
    return found.length === 1 && found;
  });
  expect(connection).toMatchObject({ deviceId: "phone", sessionId, platform: "ios", status: "active" });
  expect(await presence()).toEqual(["active", "offline"]);

  expect(await caller.ask(sys.ConnectionServiceService.kick, { userId: ann, deviceId: "laptop" })).toEqual({ kicked: 0 });
  expect(await caller.ask(sys.ConnectionServiceService.kick, { userId: ann, deviceId: "phone" })).toEqual({ kicked: 1 });
  expect(await closed).toBe(4403);
  expect(await caller.ask(tokens.checkSession, { userId: ann, sessionId })).toEqual({ active: true });
  await eventually("the route is gone", async () => (await list()).length === 0);
});

const PICTURE = "https://example.org/a.png";

test("users: all of them, by id, a page at a time", async () => {
  const { caller, addUser } = await startSys();
  const ids: string[] = [];
  for (const name of ["ann", "bob", "cem", "dan", "eve"]) ids.push(await addUser(name));
  const found: string[] = [];
  for (let more = true; more; ) {
    const page = await caller.ask(users.listUsers, { afterUserId: found.at(-1) ?? "", limit: 2 });
    found.push(...page.users.map((user) => user.id));
    more = page.hasMore;
  }
  expect(found).toEqual(ids.sort());
});

test("users: many at once, and changed", async () => {
  const { caller, addUser } = await startSys();
  const [ann, bob] = [await addUser("ann"), await addUser("bob")];
  const { users: found } = await caller.ask(users.getUsers, { userIds: [ann, NOBODY, bob] });
  expect(found.map((user) => user.account).sort()).toEqual(["ann", "bob"]);
  expect(await caller.ask(users.updateUser, { userId: ann, nickname: "Ann II" })).toMatchObject({ nickname: "Ann II", avatar: "" });
  expect(await caller.ask(users.updateUser, { userId: ann, avatar: PICTURE })).toMatchObject({ nickname: "Ann II", avatar: PICTURE });
  expect(await caller.ask(users.getUser, { userId: ann, account: "" })).toMatchObject({ nickname: "Ann II", avatar: PICTURE });
  expect(await failureOf(caller.ask(users.updateUser, { userId: NOBODY, nickname: "x" }))).toMatchObject({ status: status.NOT_FOUND });
  expect(await failureOf(caller.ask(users.updateUser, { userId: ann, nickname: "" }))).toMatchObject({ code: 400 });
  expect(await failureOf(caller.ask(users.getUsers, { userIds: [] }))).toMatchObject({ status: status.INVALID_ARGUMENT });
});

test("groups: changed as one of the members, within what its role allows; the members learn it", async () => {
  const { caller, addUser } = await startSys();
  const [ann, bob, cem] = [await addUser("ann"), await addUser("bob"), await addUser("cem")];
  const { id: groupId } = await caller.ask(groups.createGroup, { ownerId: ann, title: "ours", members: [bob] });
  const as = (actorId: string) => ({ groupId, actorId });
  const applied = { applied: true };
  expect(await caller.ask(groups.addMembers, { ...as(bob), members: [cem] })).toEqual(applied);
  expect((await caller.ask(groups.getGroup, { groupId })).members).toHaveLength(3);
  expect(await failureOf(caller.ask(groups.updateGroup, { ...as(bob), title: "mine" }))).toMatchObject({ code: 403 });
  expect(await caller.ask(groups.updateMember, { ...as(ann), userId: bob, role: "admin" })).toEqual(applied);
  expect(await caller.ask(groups.updateGroup, { ...as(bob), title: "all of ours", announcement: "two\nlines" })).toEqual(applied);
  expect(await caller.ask(groups.getGroup, { groupId })).toMatchObject({ title: "all of ours", ownerId: ann });
  expect(await caller.ask(groups.transferGroup, { ...as(ann), userId: cem })).toEqual(applied);
  expect(await caller.ask(groups.removeMember, { ...as(cem), userId: bob })).toEqual(applied);
  expect(await caller.ask(groups.getGroup, { groupId })).toMatchObject({ ownerId: cem, members: [ann, cem] });
  expect(await failureOf(caller.ask(groups.addMembers, { ...as(bob), members: [bob] }))).toMatchObject({ code: 804 });
  expect(await failureOf(caller.ask(groups.updateMember, { ...as(cem), userId: ann, role: "king" }))).toMatchObject({ code: 400 });
  await eventually("ann saw it all", async () => (await framesOf(caller, ann)).length >= 6);
});
