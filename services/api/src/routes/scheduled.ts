import { SCHEDULED_MAX, type ScheduledOutcome, scheduledView } from "@dunlin/domain";
import type { ScheduledRow } from "@dunlin/engines/store";
import { z } from "zod";
import { makeCursor, readCursor } from "../cursor.js";
import { route } from "../http/route.js";
import { outgoingMessage, pageOf, pageQuery, payload, SEQ_MAX, time } from "./schemas.js";
import { who } from "./who.js";

const DEFAULT_LIMIT = 50;
const LIST = "scheduled";
const place = z.strictObject({ sendAt: z.int(), id: z.string() });

const id = z
  .string()
  .regex(/^[0-9a-f]{32}$/, "not the id of a scheduled message")
  .meta({ id: "ScheduledId", description: "A scheduled message: 32 hexadecimal digits", example: "0f343b0931126a20f133d67c2b018a3b" });
const params = z.strictObject({ id });
const sendAt = z.int().min(0).max(SEQ_MAX).meta({ description: "When to send it, ms since 1970: in the future, at most 366 days ahead" });
const { client_msg_id, ...content } = outgoingMessage.shape;

const view = z
  .object({
    id: z.string(),
    client_msg_id: z.string(),
    to: z.string(),
    payload: z.looseObject({ msg_type: z.string() }),
    mentions: z.array(z.string()).optional(),
    reply_to: z.string().optional(),
    forwarded_from: z.object({ message_id: z.string() }).optional(),
    push: z.looseObject({}).optional(),
    send_at: time("When it is sent"),
    state: z.enum(["open", "sent", "failed", "cancelled"]),
    version: z.int().meta({ description: "Rises with every change" }),
    created_at: time("When it was scheduled"),
    updated_at: time("When it was changed last, sent, refused or cancelled"),
    message_id: z.string().optional().meta({ description: "The message it became" }),
    code: z.int().optional().meta({ description: "Why it failed: what sending it then was answered with" }),
    msg: z.string().optional(),
  })
  .meta({ id: "ScheduledMessage" });

const show = (row: ScheduledRow): z.input<typeof view> => {
  const { mentions, ...rest } = scheduledView(row);
  return { ...rest, ...(mentions && { mentions: [...mentions] }) };
};
const reply = ({ row, outcome }: ScheduledOutcome) => ({ status: outcome === "applied" ? 200 : 202, data: show(row) });

const tag = "Scheduled messages";
const told = "One's devices follow by SCHEDULED updates";
const late = "202 when it takes effect a little later";

export const scheduledRoutes = [
  route({
    id: "scheduleMessage",
    method: "post",
    path: "/v1/scheduled-messages",
    tag,
    summary: `Have a message sent at some time; it is checked as any other then, and one that is refused is marked as failed. At most ${SCHEDULED_MAX} open ones. ${told}. ${late}`,
    who: who.self,
    limit: "send",
    body: z.strictObject({ client_msg_id, ...content, send_at: sendAt }).meta({ id: "OutgoingScheduledMessage" }),
    statuses: [200, 202],
    response: view,
    errors: [
      "NOT_FOUND",
      "PEER_NOT_FOUND",
      "NOT_A_MEMBER",
      "GROUP_UPGRADED",
      "FILE_NOT_FOUND",
      "PAYLOAD_TOO_LARGE",
      "CLIENT_MSG_ID_REUSED",
      "SEND_AT_WRONG",
      "LIST_FULL",
      "QUEUE_FULL",
    ],
    handler: async ({ scheduled }, { claims, body: { client_msg_id, send_at, ...message }, requestId }) =>
      reply(await scheduled.create(claims.userId, client_msg_id, message, send_at, requestId)),
  }),
  route({
    id: "listScheduledMessages",
    method: "get",
    path: "/v1/scheduled-messages",
    tag,
    summary: "One's scheduled messages that wait for their time, and those that failed in the last week; the soonest first",
    who: who.self,
    query: pageQuery,
    response: pageOf(view),
    errors: [],
    handler: async ({ store }, { claims: { userId }, query: { cursor, limit = DEFAULT_LIMIT } }) => {
      const after = cursor === undefined ? undefined : readCursor(LIST, userId, place, cursor);
      const rows = await store.scheduled.list(userId, after, limit + 1);
      const shown = rows.slice(0, limit);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      const next_cursor = last ? makeCursor(LIST, userId, { sendAt: last.sendAt, id: last.id }) : null;
      return { data: { items: shown.map(show), next_cursor } };
    },
  }),
  route({
    id: "getScheduledMessage",
    method: "get",
    path: "/v1/scheduled-messages/{id}",
    tag,
    summary: "What has become of a scheduled message; known for a week after it was sent, refused or cancelled",
    who: who.self,
    params,
    response: view,
    errors: ["NOT_FOUND"],
    handler: async ({ scheduled }, { claims, params }) => ({ data: show(await scheduled.get(claims.userId, params.id)) }),
  }),
  route({
    id: "changeScheduledMessage",
    method: "patch",
    path: "/v1/scheduled-messages/{id}",
    tag,
    summary: `Change what a scheduled message says, or when it is sent, as long as it has not been. ${told}. ${late}`,
    who: who.self,
    limit: "send",
    params,
    body: z
      .strictObject({ payload: payload.optional(), send_at: sendAt.optional() })
      .refine((body) => body.payload !== undefined || body.send_at !== undefined, "nothing to change")
      .meta({ id: "ScheduledMessageChange" }),
    statuses: [200, 202],
    response: view,
    errors: ["NOT_FOUND", "FILE_NOT_FOUND", "PAYLOAD_TOO_LARGE", "SEND_AT_WRONG", "SCHEDULE_SETTLED", "QUEUE_FULL"],
    handler: async ({ scheduled }, { claims, params, body, requestId }) =>
      reply(await scheduled.change(claims.userId, params.id, { payload: body.payload, sendAt: body.send_at }, requestId)),
  }),
  route({
    id: "cancelScheduledMessage",
    method: "delete",
    path: "/v1/scheduled-messages/{id}",
    tag,
    summary: `Take a scheduled message back as long as it has not been sent, or put one that failed away. ${told}. ${late}`,
    who: who.self,
    params,
    statuses: [200, 202],
    response: view,
    errors: ["NOT_FOUND", "SCHEDULE_SETTLED", "QUEUE_FULL"],
    handler: async ({ scheduled }, { claims, params, requestId }) => reply(await scheduled.cancel(claims.userId, params.id, requestId)),
  }),
];
