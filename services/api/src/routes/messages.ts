import { type AcceptedMessage, isSupergroupId, pairOf, type SendInput } from "@dunlin/domain";
import { errors } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import { z } from "zod";
import { type Call, route } from "../http/route.js";
import { acceptedView, messageId, outgoingMessage, pageOf } from "./schemas.js";
import { who } from "./who.js";

const BATCH_MAX = 100;

const inputOf = (message: z.infer<typeof outgoingMessage>, { claims, requestId }: Call<unknown, unknown, unknown>): SendInput => ({
  from: claims.userId,
  deviceId: claims.deviceId,
  to: message.to,
  clientMsgId: message.client_msg_id,
  payload: message.payload,
  mentions: message.mentions,
  replyTo: message.reply_to,
  push: message.push,
  forwardOf: message.forwarded_from?.message_id,
  requestId,
});

const show = (accepted: AcceptedMessage): z.input<typeof acceptedView> => ({
  id: accepted.id,
  conversation_id: accepted.conversationId,
  created_at: accepted.createdAt,
  state: "accepted",
});

const tag = "Messages";
const sendErrors = [
  "PEER_NOT_FOUND",
  "NOT_A_MEMBER",
  "PEER_REFUSES",
  "MUTED",
  "GROUP_MUTED",
  "SLOW_MODE",
  "GROUP_DISSOLVED",
  "FILE_NOT_FOUND",
  "GROUP_UPGRADED",
  "PAYLOAD_TOO_LARGE",
  "CLIENT_MSG_ID_REUSED",
  "MENTION_ALL_FORBIDDEN",
  "MENTION_UNKNOWN",
  "ORIGINAL_NOT_FOUND",
  "REPLIED_NOT_FOUND",
] as const;

export const messageRoutes = [
  route({
    id: "sendMessage",
    method: "post",
    path: "/v1/messages",
    tag,
    summary: "Send a message; 202 means that it is durable",
    who: "To a user: everybody whom neither a block of either side nor the user's privacy keeps out. To a group or supergroup: its members, unless they or all are muted (the owner and admins send all the same). Everybody is mentioned by owner and admins only.",
    bounds:
      "A payload of at most 16,384 bytes of UTF-8; slow mode of the group. The same `client_msg_id` is answered the same for 10 minutes at least",
    limit: "send",
    body: outgoingMessage,
    statuses: [202],
    response: acceptedView,
    errors: [...sendErrors, "QUEUE_FULL"],
    handler: async (api, call) => {
      const accepted = await api.sending.accept(inputOf(call.body, call));
      api.messagesAccepted.inc();
      return { data: show(accepted) };
    },
  }),
  route({
    id: "sendMessages",
    method: "post",
    path: "/v1/messages/batch",
    tag,
    summary: "Send up to 100 messages in their order, each with its own result",
    who: "Each message as if it were sent alone: what is refused of one is told in its result.",
    bounds: "Each message counts as one request; at most 100",
    limit: "send",
    cost: ({ messages }) => messages.length,
    body: z.strictObject({ messages: z.array(outgoingMessage).min(1).max(BATCH_MAX) }).meta({ id: "SendBatchRequest" }),
    statuses: [202],
    response: z
      .object({
        results: z
          .array(z.object({ code: z.int(), msg: z.string(), data: acceptedView.nullable() }))
          .meta({ description: "In the order of the messages; code 0 is accepted, else a code of the error table" }),
      })
      .meta({ id: "SendBatchResult" }),
    errors: ["QUEUE_FULL"],
    handler: async (api, call) => {
      const { messages } = call.body;
      const outcomes = await api.sending.acceptMany(messages.map((message) => inputOf(message, call)));
      const results = outcomes.map((outcome) =>
        outcome instanceof AppError
          ? { code: outcome.info.code, msg: errors[outcome.code][call.language], data: null }
          : { code: 0, msg: "ok", data: show(outcome) },
      );
      api.messagesAccepted.inc(results.filter((result) => result.code === 0).length);
      return { data: { results } };
    },
  }),
  route({
    id: "listReaders",
    method: "get",
    path: "/v1/messages/{id}/readers",
    tag,
    summary: "Who has read a message; in a supergroup how many members have",
    who: who.reader,
    params: z.strictObject({ id: messageId }),
    response: pageOf(
      z.object({ user_id: z.string(), read_seq: z.int().meta({ description: "Up to where the user has read" }) }).meta({ id: "Reader" }),
    ).extend({ count: z.int().meta({ description: "How many, the sender not among them; in a supergroup nobody is named" }) }),
    errors: ["NOT_FOUND"],
    handler: async ({ store, visible, relations }, { claims, params }) => {
      const { message } = await visible.get(claims.userId, params.id);
      // Of two of whom one has blocked the other, neither learns what the other reads.
      const pair = pairOf(message.conversationId);
      if (pair && (await relations.isClosed(...pair))) return { data: { items: [], count: 0, next_cursor: null } };
      if (isSupergroupId(message.conversationId)) {
        const count = await store.supergroups.readCount(message.conversationId, message.seq, message.from);
        return { data: { items: [], count, next_cursor: null } };
      }
      const readers = await store.dialogs.readers(message.conversationId, message.seq);
      const items = readers
        .filter((reader) => reader.userId !== message.from)
        .map((reader) => ({ user_id: reader.userId, read_seq: reader.readSeq }));
      return { data: { items, count: items.length, next_cursor: null } };
    },
  }),
];
