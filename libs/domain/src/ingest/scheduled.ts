import type { ScheduledRow } from "@dunlin/engines/store";
import { type ErrorCode, errors, type queue } from "@dunlin/proto";
import { isPeerId, isUserId, systemConversationOf } from "../ids.js";
import { type ScheduledBody, scheduledView } from "../scheduled-view.js";
import type { Draft } from "./draft.js";
import type { Needs, Rule, RuleContext } from "./rule.js";

/** Messages of one user that wait for their time. */
export const SCHEDULED_MAX = 100;

export const isScheduledId = (text: string): boolean => /^[0-9a-f]{32}$/.test(text);

const isTime = (at: number): boolean => Number.isSafeInteger(at) && at > 0;

const objectOf = (text: string): object | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const isBody = (text: string): boolean => {
  const body = objectOf(text) as Partial<ScheduledBody> | undefined;
  return typeof body?.to === "string" && isPeerId(body.to) && typeof body.payload === "object" && body.payload !== null;
};

/** All of the user's devices learn what has become of it. */
const put = (draft: Draft, row: ScheduledRow): void => {
  draft.scheduled.put(row);
  draft.tell([row.userId], "SCHEDULED", systemConversationOf(row.userId), scheduledView(row));
};

type Key = Pick<queue.CancelScheduled, "userId" | "id">;

const conversation = ({ userId }: Key): string => systemConversationOf(userId);
const needs = (value: Key, asked: Needs): void => {
  asked.user(value.userId);
  asked.scheduledMessage(value.userId, value.id);
};
const keyProblem = ({ userId, id }: Key): string | undefined => {
  if (!isUserId(userId)) return "wrong user id";
  return isScheduledId(id) ? undefined : "wrong id";
};

/** Once more with the same content it changes nothing, whatever has become of it. */
const applySchedule = async (draft: Draft, value: queue.ScheduleMessage, { tx }: RuleContext): Promise<ErrorCode> => {
  const { userId, id, clientMsgId, body, bodyHash, sendAt, createdAt } = value;
  if (!draft.userExists(userId)) return "NOT_FOUND";
  const known = draft.scheduled.get(userId, id);
  if (known) return known.bodyHash === bodyHash ? "OK" : "CLIENT_MSG_ID_REUSED";
  if ((await draft.scheduled.open(tx, userId)) >= SCHEDULED_MAX) return "LIST_FULL";
  const state = { state: "open", version: 1, updatedAt: draft.now, messageId: null, code: 0 } as const;
  put(draft, { userId, id, clientMsgId, body, bodyHash, sendAt, createdAt, ...state });
  return "OK";
};

export const scheduleRule: Rule<queue.ScheduleMessage> = {
  conversation,
  problem: (value) => {
    if (value.clientMsgId === "") return "no client_msg_id";
    if (!isTime(value.sendAt)) return "wrong send_at";
    return keyProblem(value) ?? (isBody(value.body) ? undefined : "wrong body");
  },
  needs,
  apply: applySchedule,
};

/** An open one may be changed up to the moment at which its message is stored. */
const applyChange = (draft: Draft, { userId, id, payload, sendAt }: queue.ChangeScheduled): ErrorCode => {
  const row = draft.scheduled.get(userId, id);
  if (!row || !draft.userExists(userId)) return "NOT_FOUND";
  if (row.state !== "open") return "SCHEDULE_SETTLED";
  const body = payload === undefined ? row.body : JSON.stringify({ ...objectOf(row.body), payload: objectOf(payload) });
  const changed = { ...row, body, sendAt: sendAt ?? row.sendAt };
  // Said twice it is one change.
  if (changed.body === row.body && changed.sendAt === row.sendAt) return "OK";
  put(draft, { ...changed, version: row.version + 1, updatedAt: draft.now });
  return "OK";
};

export const changeScheduledRule: Rule<queue.ChangeScheduled> = {
  conversation,
  problem: (value) => {
    if (value.sendAt !== undefined && !isTime(value.sendAt)) return "wrong send_at";
    if (value.payload !== undefined && !objectOf(value.payload)) return "payload is not a JSON object";
    return keyProblem(value);
  },
  needs,
  apply: applyChange,
};

/** One that failed may be put out of the list as well. */
const applyCancel = (draft: Draft, { userId, id }: queue.CancelScheduled): ErrorCode => {
  const row = draft.scheduled.get(userId, id);
  if (!row || !draft.userExists(userId)) return "NOT_FOUND";
  if (row.state === "cancelled") return "OK";
  if (row.state === "sent") return "SCHEDULE_SETTLED";
  put(draft, { ...row, state: "cancelled", updatedAt: draft.now });
  return "OK";
};

export const cancelScheduledRule: Rule<queue.CancelScheduled> = { conversation, problem: keyProblem, needs, apply: applyCancel };

/** The scheduled message that a send is of, while it is open in this very version. */
const openVersion = (draft: Draft, userId: string, { id, version }: queue.ScheduledVersion): ScheduledRow | undefined => {
  const row = draft.scheduled.get(userId, id);
  return row?.state === "open" && row.version === version ? row : undefined;
};

/** A refusal before the queue; what was changed meanwhile is tried anew at its time. */
const applyFail = (draft: Draft, { userId, id, version, code }: queue.FailScheduled): ErrorCode => {
  const row = openVersion(draft, userId, { id, version });
  if (!row) return "SCHEDULE_SETTLED";
  put(draft, { ...row, state: "failed", code, updatedAt: draft.now });
  return "OK";
};

export const failScheduledRule: Rule<queue.FailScheduled> = {
  conversation,
  problem: (value) => (Number.isSafeInteger(value.code) && value.code > 0 ? keyProblem(value) : "wrong code"),
  needs,
  apply: applyFail,
};

/**
 * Stores a message whose time has come by `send`, together with what becomes of its schedule: of all that try to send,
 * change or cancel it, the first in the log wins. What a refusal that passes keeps back stays open, and is tried again.
 */
export const settleScheduled = (draft: Draft, value: queue.SendMessage, send: () => ErrorCode): ErrorCode => {
  if (value.scheduled === undefined) return send();
  const row = openVersion(draft, value.senderId, value.scheduled);
  if (!row) return "SCHEDULE_SETTLED";
  const code = send();
  if (code === "OK") put(draft, { ...row, state: "sent", messageId: value.id, updatedAt: draft.now });
  else if (!errors[code].retryable) put(draft, { ...row, state: "failed", code: errors[code].code, updatedAt: draft.now });
  return code;
};
