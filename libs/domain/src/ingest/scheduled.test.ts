import type { ScheduledRow } from "@dunlin/engines/store";
import { errors } from "@dunlin/proto";
import { beforeEach, expect, test } from "vitest";
import { conversationIdOf, newId } from "../ids.js";
import { scheduledClientMsgId } from "../scheduled-view.js";
import { createGroup, IngestFixture, nextMessageId, send as sendUnscheduled, T0 } from "./fixture.js";
import type { CommandBody } from "./rule.js";
import { ruleOf } from "./rules.js";

const HOUR = 3_600_000;
const ID = "0123456789abcdef0123456789abcdef";
const fixture = new IngestFixture({ membersMax: 4, clock: { now: () => T0 } });
const { codes: apply } = fixture;
let ann: string;
let bob: string;

beforeEach(async () => {
  [ann, bob] = [await fixture.createUser(), await fixture.createUser()];
});

const payload = (text: string) => ({ msg_type: "text", text });
const schedule = (id = ID, bodyHash = "aa", userId = ann): CommandBody => {
  const body = JSON.stringify({ to: bob, payload: payload("later"), mentions: [bob] });
  return { $case: "schedule", value: { userId, id, clientMsgId: "c", body, bodyHash, sendAt: T0 + HOUR, createdAt: T0 } };
};
const change = (over: { payload?: string; sendAt?: number }, userId = ann): CommandBody => ({
  $case: "changeScheduled",
  value: { userId, id: ID, payload: undefined, sendAt: undefined, ...over },
});
const cancel = (userId = ann): CommandBody => ({ $case: "cancelScheduled", value: { userId, id: ID } });
const fail = (version = 1): CommandBody => ({
  $case: "failScheduled",
  value: { userId: ann, id: ID, version, code: errors.NOT_A_MEMBER.code },
});
const send = (version = 1, to = bob): CommandBody => ({
  $case: "send",
  value: {
    id: nextMessageId(),
    conversationId: conversationIdOf(ann, to),
    senderId: ann,
    to,
    clientMsgId: scheduledClientMsgId({ id: ID, version }),
    payload: JSON.stringify(payload("later")),
    createdAt: T0,
    mentions: [],
    replyTo: undefined,
    push: undefined,
    bodyHash: Buffer.from("aa", "hex"),
    deviceId: "",
    forwardedFrom: undefined,
    scheduled: { id: ID, version },
  },
});
const row = (userId = ann): Promise<ScheduledRow | undefined> => fixture.store.scheduled.get({ userId, id: ID });
const log = async (userId = ann): Promise<(string | number)[][]> =>
  (await fixture.log(userId)).map((update) => {
    const body = update.body === null ? undefined : (JSON.parse(update.body) as { state: string; version: number });
    return body ? [update.type, body.state, body.version] : [update.type];
  });

test("made once, however often it is asked for; other content under its id is refused", async () => {
  expect(await apply(schedule(), schedule(), schedule(ID, "bb"))).toEqual(["OK", "OK", "CLIENT_MSG_ID_REUSED"]);
  expect(await apply(schedule(), schedule(ID, "bb"))).toEqual(["OK", "CLIENT_MSG_ID_REUSED"]);
  expect(await row()).toMatchObject({ state: "open", version: 1, sendAt: T0 + HOUR, clientMsgId: "c", messageId: null, code: 0 });
  expect(await log()).toEqual([["SCHEDULED", "open", 1]]);
  // The same id of another user is another message.
  expect(await apply(schedule(ID, "bb", bob))).toEqual(["OK"]);
  expect(await row()).toMatchObject({ bodyHash: "aa" });
});

test("a change is a new version, and only what is given changes; said twice it is one", async () => {
  await apply(schedule());
  const other = JSON.stringify(payload("even later"));
  expect(await apply(change({ payload: other }), change({ payload: other }), change({ sendAt: T0 + 2 * HOUR }))).toEqual([
    "OK",
    "OK",
    "OK",
  ]);
  const changed = await row();
  expect(changed).toMatchObject({ version: 3, sendAt: T0 + 2 * HOUR });
  expect(JSON.parse(changed?.body ?? "")).toEqual({ to: bob, payload: payload("even later"), mentions: [bob] });
  expect(await log()).toEqual([1, 2, 3].map((version) => ["SCHEDULED", "open", version]));
  expect(await apply(change({ sendAt: T0 }, bob), cancel(bob))).toEqual(["NOT_FOUND", "NOT_FOUND"]);
});

test("stored together with its message, once; then nobody changes or cancels it", async () => {
  await apply(schedule());
  const first = send();
  expect(await apply(first, send(), first)).toEqual(["OK", "OK", "OK"]);
  expect(await apply(send(), change({ sendAt: T0 }), cancel(), fail())).toEqual([
    "OK",
    "SCHEDULE_SETTLED",
    "SCHEDULE_SETTLED",
    "SCHEDULE_SETTLED",
  ]);
  expect(await row()).toMatchObject({ state: "sent", messageId: first.$case === "send" ? first.value.id : "" });
  expect(await log()).toEqual([["SCHEDULED", "open", 1], ["C2C"], ["SCHEDULED", "sent", 1]]);
  expect(await log(bob)).toEqual([["C2C"]]);
});

test("one that was cancelled, changed or failed before is not sent any more", async () => {
  await apply(schedule());
  expect(await apply(change({ sendAt: T0 + 2 * HOUR }), send(1))).toEqual(["OK", "SCHEDULE_SETTLED"]);
  expect(await apply(fail(1))).toEqual(["SCHEDULE_SETTLED"]);
  expect(await row()).toMatchObject({ state: "open", version: 2 });
  expect(await apply(cancel(), cancel(), send(2))).toEqual(["OK", "OK", "SCHEDULE_SETTLED"]);
  expect(await log(bob)).toEqual([]);
  expect(await log()).toEqual([
    ["SCHEDULED", "open", 1],
    ["SCHEDULED", "open", 2],
    ["SCHEDULED", "cancelled", 2],
  ]);
  expect(await apply(schedule())).toEqual(["OK"]);
  expect(await row()).toMatchObject({ state: "cancelled" });
});

test("one that nobody has scheduled is not sent", async () => {
  expect(await apply(send())).toEqual(["SCHEDULE_SETTLED"]);
  expect(await log(bob)).toEqual([]);
});

test("refused when it is stored: failed with the code, told by SCHEDULED and not by REJECT, and out of the list when cancelled", async () => {
  await apply(schedule());
  expect(
    await apply(
      { $case: "setBlock", value: { conversationId: conversationIdOf(ann, bob), userId: bob, peer: ann, blocked: true } },
      send(),
    ),
  ).toEqual(["OK", "PEER_REFUSES"]);
  expect(await row()).toMatchObject({ state: "failed", code: errors.PEER_REFUSES.code, messageId: null });
  expect((await log()).filter(([type]) => type === "REJECT")).toEqual([]);
  expect((await log()).at(-1)).toEqual(["SCHEDULED", "failed", 1]);
  expect(await apply(change({ sendAt: T0 }), send(), cancel())).toEqual(["SCHEDULE_SETTLED", "SCHEDULE_SETTLED", "OK"]);
  expect(await row()).toMatchObject({ state: "cancelled" });
});

test("refused before the queue: failed with the code, once", async () => {
  await apply(schedule());
  expect(await apply(fail(), fail(), send())).toEqual(["OK", "SCHEDULE_SETTLED", "SCHEDULE_SETTLED"]);
  expect(await row()).toMatchObject({ state: "failed", code: errors.NOT_A_MEMBER.code });
});

test("a refusal that passes leaves it open, and it is sent by the next try", async () => {
  const group = newId("G");
  await apply(createGroup(group, bob, [ann]));
  const settings = { title: undefined, avatar: undefined, announcement: undefined, mutedUntil: undefined, join: undefined };
  await apply({ $case: "updateGroup", value: { groupId: group, actorId: bob, slowModeS: 60, ...settings } });
  await apply(schedule(), sendUnscheduled(ann, group, { createdAt: T0 }));
  expect(await apply(send(1, group))).toEqual(["SLOW_MODE"]);
  expect(await row()).toMatchObject({ state: "open", version: 1 });
  const later = send(1, group);
  if (later.$case === "send") Object.assign(later.value, { createdAt: T0 + HOUR });
  expect(await apply(later)).toEqual(["OK"]);
  expect(await row()).toMatchObject({ state: "sent" });
});

test("a hundred open ones, also when they come in one batch; one that is cancelled makes room", async () => {
  const id = (i: number): string => i.toString(16).padStart(32, "0");
  const codes = await apply(...Array.from({ length: 60 }, (_, i) => schedule(id(i))));
  codes.push(...(await apply(...Array.from({ length: 41 }, (_, i) => schedule(id(60 + i))))));
  expect(codes).toEqual([...Array.from({ length: 100 }, () => "OK"), "LIST_FULL"]);
  const value = { userId: ann, id: id(0) };
  expect(await apply({ $case: "cancelScheduled", value }, schedule(id(200)), schedule(id(201)))).toEqual(["OK", "OK", "LIST_FULL"]);
  expect(await apply(schedule(id(5)))).toEqual(["OK"]);
});

test("malformed commands are told from good ones", () => {
  const wrong = (body: CommandBody): string | undefined => ruleOf(body).problem(body.value);
  const good = schedule();
  if (good.$case !== "schedule") throw new Error("unreachable");
  for (const body of [good, change({ sendAt: T0 }), cancel(), fail(), send()]) expect(wrong(body)).toBeUndefined();
  for (const over of [
    { id: "77" },
    { userId: "G1" },
    { sendAt: -1 },
    { clientMsgId: "" },
    { body: "[]" },
    { body: '{"to":"x","payload":{}}' },
  ]) {
    expect(wrong({ $case: "schedule", value: { ...good.value, ...over } }), JSON.stringify(over)).toBeDefined();
  }
  expect(wrong(change({ payload: "7" }))).toBeDefined();
  expect(wrong({ $case: "failScheduled", value: { userId: ann, id: ID, version: 1, code: 0 } })).toBeDefined();
});
