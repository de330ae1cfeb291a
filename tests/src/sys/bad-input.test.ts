import { sys } from "@dunlin/proto";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { tokensOf } from "../support/settings.js";
import { failureOf } from "./caller.js";
import { startSys } from "./fixture.js";

const USER = "U11111111111111";
const bytesOf = (bytes: Buffer): Buffer => bytes;

test("unknown method, too large, junk, no or a wrong credential", async () => {
  const { caller, settings } = await startSys();
  const path = sys.MessageServiceService.getDifference.path;
  const send = (bytes: Buffer, token?: string | null) => failureOf(caller.send(path, bytes, bytesOf, token === undefined ? {} : { token }));

  expect((await failureOf(caller.send("/dunlin.sys.v1.MessageService/Nothing", Buffer.alloc(0), bytesOf))).status).toBe(
    status.UNIMPLEMENTED,
  );
  expect((await failureOf(caller.send("/dunlin.sys.v2.Nothing/At/All", Buffer.alloc(0), bytesOf))).status).toBe(status.UNIMPLEMENTED);
  expect((await send(Buffer.alloc(4 * 1024 * 1024 + 1))).status).toBe(status.RESOURCE_EXHAUSTED);
  for (const junk of [Buffer.alloc(100, 0xff), Buffer.from([0x0a, 0x7f]), Buffer.from("0a02c328", "hex"), Buffer.from("hello, world")]) {
    expect(await send(junk)).toMatchObject({ status: status.INVALID_ARGUMENT, code: 400 });
  }

  const tokens = tokensOf(settings);
  const stranger = tokensOf({ IM_AUTH_KEY: "another key that is just as long as the real one is" });
  const access = await tokens().issueAccess({ userId: USER, sessionId: "s", deviceId: "d", platform: "web" });
  const [header, payload] = (await tokens().issueService("tests")).split(".");
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
  for (const token of [null, "", "junk", access, unsigned, `${header}.${payload}.`, await stranger().issueService("tests")]) {
    expect(await send(Buffer.alloc(0), token)).toMatchObject({ status: status.UNAUTHENTICATED, code: 706 });
  }
  const expired = await tokens(Date.now() - 3_600_000).issueService("tests");
  expect(await send(Buffer.alloc(0), expired)).toMatchObject({ status: status.UNAUTHENTICATED, code: 707 });
});

test("a wrong field is INVALID_ARGUMENT and named", async () => {
  const { caller, addUser } = await startSys();
  const ann = await addUser("ann");
  const {
    MessageServiceService: messages,
    TokenServiceService: tokens,
    QueueServiceService: queue,
    PresenceServiceService: presence,
  } = sys;
  const payload = '{"msg_type":"text","text":"hi"}';
  const send = { from: ann, to: USER, clientMsgId: "1", payload, mentions: [] };
  const privacy = { userId: ann, messages: "everyone", groups: "everyone", lastSeen: "nobody", findByAccount: true };
  const wrong: [string, () => Promise<unknown>][] = [
    ["user_id", () => caller.ask(messages.getDifference, { userId: "ann", pts: 0, limit: 1 })],
    ["pts", () => caller.ask(messages.getDifference, { userId: ann, pts: -1, limit: 1 })],
    ["limit", () => caller.ask(messages.getDifference, { userId: ann, pts: 0, limit: 1001 })],
    ["limit", () => caller.ask(messages.getHistory, { userId: ann, peer: USER, limit: 0 })],
    ["peer", () => caller.ask(messages.getHistory, { userId: ann, peer: "", limit: 1 })],
    ["before_seq", () => caller.ask(messages.getHistory, { userId: ann, peer: USER, limit: 1, beforeSeq: 0 })],
    ["payload", () => caller.ask(messages.sendMessage, { ...send, payload: "hi" })],
    ["payload", () => caller.ask(messages.sendMessage, { ...send, payload: "[]" })],
    ["payload", () => caller.ask(messages.sendMessage, { ...send, payload: '{"msg_type":"text"}' })],
    ["payload", () => caller.ask(messages.sendMessage, { ...send, payload: '{"msg_type":"custom","__proto__":{}}' })],
    ["payload", () => caller.ask(messages.sendMessage, { ...send, payload: '{"msg_type":"custom","a":1,"a":2}' })],
    ["payload", () => caller.ask(messages.sendMessage, { ...send, payload: '{"msg_type":"custom","a":"\\u0000"}' })],
    [
      "payload",
      () => caller.ask(messages.sendMessage, { ...send, payload: `{"msg_type":"custom","a":${"[".repeat(5000)}${"]".repeat(5000)}}` }),
    ],
    ["client_msg_id", () => caller.ask(messages.sendMessage, { ...send, clientMsgId: "" })],
    ["mentions[0]", () => caller.ask(messages.sendMessage, { ...send, mentions: ["bob"] })],
    ["reply_to", () => caller.ask(messages.sendMessage, { ...send, replyTo: "9223372036854775808" })],
    ["push", () => caller.ask(messages.sendMessage, { ...send, push: '{"silent":1}' })],
    ["user_ids", () => caller.ask(messages.sendNotification, { userIds: [], clientMsgId: "1", payload })],
    ["user_ids", () => caller.ask(messages.sendNotification, { userIds: [ann, ann], clientMsgId: "1", payload })],
    [
      "user_ids",
      () => caller.ask(messages.sendNotification, { userIds: Array.from({ length: 1001 }, () => ann), clientMsgId: "1", payload }),
    ],
    ["device_id", () => caller.ask(tokens.issueToken, { userId: ann, deviceId: "", platform: "web" })],
    ["topic", () => caller.ask(queue.listDeadLetters, { topic: "deliveries.1", fromOffset: 0, limit: 1 })],
    ["dead_offsets", () => caller.ask(queue.replay, { topic: "commands", deadOffsets: [] })],
    ["group", () => caller.ask(queue.lag, { topic: "webhooks", group: "" })],
    ["user_ids", () => caller.ask(presence.getPresence, { userIds: [] })],
    ["account", () => caller.ask(sys.UserServiceService.createUser, { account: "a b", password: "12345678", nickname: "" })],
    ["password", () => caller.ask(sys.UserServiceService.createUser, { account: "bob", password: "1234567", nickname: "" })],
    ["limit", () => caller.ask(sys.UserServiceService.listUsers, { afterUserId: "", limit: 501 })],
    ["after_user_id", () => caller.ask(sys.UserServiceService.listUsers, { afterUserId: "x", limit: 1 })],
    ["user_id", () => caller.ask(sys.UserServiceService.setUserActive, { userId: "", active: false })],
    ["avatar", () => caller.ask(sys.UserServiceService.updateUser, { userId: ann, avatar: "javascript:alert(1)" })],
    ["bio", () => caller.ask(sys.UserServiceService.updateUser, { userId: ann, bio: "x".repeat(257) })],
    ["messages", () => caller.ask(sys.UserServiceService.setPrivacy, { ...privacy, messages: "nobody" })],
    ["groups", () => caller.ask(sys.UserServiceService.setPrivacy, { ...privacy, groups: "" })],
    ["peer_id", () => caller.ask(sys.ContactServiceService.addContact, { userId: ann, peerId: ann })],
    ["peer_id", () => caller.ask(sys.ContactServiceService.setBlock, { userId: ann, peerId: "bob", blocked: true })],
    ["state", () => caller.ask(sys.ContactServiceService.listContacts, { userId: ann, state: "friend", afterUserId: "", limit: 1 })],
    ["limit", () => caller.ask(sys.ContactServiceService.listBlocks, { userId: ann, afterUserId: "", limit: 0 })],
    ["user_ids", () => caller.ask(sys.ConnectionServiceService.getConnections, { userIds: [] })],
    ["group_id", () => caller.ask(sys.GroupServiceService.listMembers, { groupId: ann, afterUserId: "", limit: 1 })],
    ["group_id", () => caller.ask(sys.GroupServiceService.dissolveGroup, { groupId: "C11111111111111", actorId: ann })],
    ["supergroup_id", () => caller.ask(sys.GroupServiceService.getSupergroup, { supergroupId: "G11111111111111" })],
    ["title", () => caller.ask(sys.GroupServiceService.createSupergroup, { ownerId: ann, title: "", members: [] })],
    ["title", () => caller.ask(sys.GroupServiceService.createGroup, { ownerId: ann, title: "", members: [] })],
  ];
  for (const [field, call] of wrong) {
    const { status: found, code, text } = await failureOf(call());
    expect([found, code, text.split(":")[0]]).toEqual([status.INVALID_ARGUMENT, 400, field]);
  }
  // A number that JavaScript cannot hold: pts 2^60.
  const huge = Buffer.concat([
    Buffer.from(sys.GetDifferenceRequest.encode({ userId: ann, pts: 0, limit: 1 }).finish()),
    Buffer.from("10808080808080808010", "hex"),
  ]);
  expect((await failureOf(caller.send(messages.getDifference.path, huge, bytesOf))).status).toBe(status.INVALID_ARGUMENT);
});

test("no deadline, or a later one, ends at the server's cap", async () => {
  // Without ingest a new group's outcome does not come.
  const { caller, addUser } = await startSys({ IM_BROKER_ROLES: "gateway", IM_GRPC_DEADLINE_MAX_MS: "3000" });
  const ownerId = await addUser("ann");
  const create = (deadline?: number) =>
    failureOf(
      caller.ask(sys.GroupServiceService.createGroup, { ownerId, title: "t", members: [] }, deadline === undefined ? {} : { deadline }),
    );
  const expected = { status: status.DEADLINE_EXCEEDED, code: 504 };
  expect(await Promise.all([create(), create(Date.now() + 600_000)])).toEqual([
    expect.objectContaining(expected),
    expect.objectContaining(expected),
  ]);
});

test("10,000 calls at once on one connection are all answered, a capped number at a time; others are served meanwhile", async () => {
  const { caller, connect, addUser } = await startSys({ IM_GRPC_STREAMS_MAX: "50" });
  const userId = await addUser("ann");
  const { sessionId } = await caller.ask(sys.TokenServiceService.issueToken, { userId, deviceId: "phone", platform: "ios" });
  const check = (from = caller) => from.ask(sys.TokenServiceService.checkSession, { userId, sessionId });
  const all = Promise.all(Array.from({ length: 10_000 }, () => check()));
  const other = await connect();
  expect(await check(other)).toEqual({ active: true });
  expect((await all).every((answer) => answer.active)).toBe(true);
}, 120_000);
