import {
  conversationIdOf,
  MENTION_ALL,
  type MessagePayload,
  PAYLOAD_BYTES_MAX,
  payloadSchema,
  payloadText,
  pushSchema,
  type SendInput,
  type Sending,
  systemConversationOf,
  type VisibleRange,
} from "@dunlin/domain";
import type { HistoryQuery, Store } from "@dunlin/engines/store";
import type { sys } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import { difference, historyTexts } from "./frames.js";
import { parseJson } from "./json-field.js";
import type { Notifications } from "./notifications.js";
import type { Handlers } from "./unary.js";

const MENTIONS_MAX = 50;
const NOTIFY_MAX = 1_000;
const DIFFERENCE_MAX = 1_000;
const HISTORY_MAX = 200;
const SEQ_MAX = Number.MAX_SAFE_INTEGER;

/** What of the conversation is this user's to read. @throws AppError PEER_NOT_FOUND, NOT_A_MEMBER */
const visibleTo = async (store: Store, userId: string, peer: string): Promise<VisibleRange> => {
  if (peer === "system") return { afterSeq: 0, upToSeq: SEQ_MAX };
  const dialog = await store.dialogs.get(userId, peer);
  const cleared = dialog?.clearedSeq ?? 0;
  if (peer.startsWith("U")) return { afterSeq: cleared, upToSeq: SEQ_MAX };
  const [member] = await store.conversations.memberships(userId, [peer]);
  if (member) return { afterSeq: Math.max(member.joinedSeq, cleared), upToSeq: SEQ_MAX };
  if (dialog && dialog.leftSeq !== null) return { afterSeq: cleared, upToSeq: dialog.leftSeq };
  const [conversation] = await store.conversations.get([peer]);
  throw new AppError(conversation ? "NOT_A_MEMBER" : "PEER_NOT_FOUND");
};

const mention = (name: string, value: string): string => (value === MENTION_ALL ? value : field.userId(name, value));

/** A payload in its field. @throws AppError PAYLOAD_TOO_LARGE, BAD_REQUEST */
const payloadOf = (text: string): MessagePayload => {
  if (Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) throw new AppError("PAYLOAD_TOO_LARGE");
  return parseJson("payload", text, payloadSchema);
};

export const messageService = (
  { store }: Pick<SysContext, "store">,
  sending: Sending,
  notifications: Notifications,
  requireUser: (userId: string) => Promise<void>,
): Handlers<typeof sys.MessageServiceService> => ({
  sendMessage: async (request, caller) => {
    const from = field.userId("from", request.from);
    const { replyTo, push } = request;
    const input: SendInput = {
      from,
      // No device of the sender's has it yet: all of them are told.
      deviceId: "",
      to: field.peerId("to", request.to),
      clientMsgId: field.ruled("client_msg_id", request.clientMsgId, "clientMsgId"),
      payload: payloadOf(request.payload),
      mentions: field.list("mentions", request.mentions, 0, MENTIONS_MAX, mention),
      replyTo: replyTo === undefined ? undefined : field.messageId("reply_to", replyTo),
      push: push === undefined ? undefined : parseJson("push", push, pushSchema),
      requestId: caller.requestId,
    };
    await requireUser(from);
    return sending.accept(input);
  },
  sendNotification: async (request, caller) => {
    const userIds = field.list("user_ids", request.userIds, 1, NOTIFY_MAX, field.userId);
    const clientMsgId = field.ruled("client_msg_id", request.clientMsgId, "clientMsgId");
    const payload = payloadText(payloadOf(request.payload));
    return { results: await notifications.send(userIds, clientMsgId, payload, caller.requestId) };
  },
  getDifference: (request) =>
    difference(
      store,
      field.userId("user_id", request.userId),
      field.integer("pts", request.pts, 0, Number.MAX_SAFE_INTEGER),
      field.integer("limit", request.limit, 0, DIFFERENCE_MAX),
    ),
  getHistory: async (request) => {
    const userId = field.userId("user_id", request.userId);
    const peer = request.peer === "system" ? request.peer : field.peerId("peer", request.peer);
    const limit = field.integer("limit", request.limit, 1, HISTORY_MAX);
    const { beforeSeq, afterSeq } = request;
    if (beforeSeq !== undefined) field.integer("before_seq", beforeSeq, 1, SEQ_MAX);
    if (afterSeq !== undefined) field.integer("after_seq", afterSeq, 0, SEQ_MAX);
    const { afterSeq: hidden, upToSeq } = await visibleTo(store, userId, peer);
    const query: HistoryQuery = {
      conversationId: peer === "system" ? systemConversationOf(userId) : conversationIdOf(userId, peer),
      // One more than asked for tells whether there are more.
      limit: limit + 1,
      viewer: userId,
      ...(beforeSeq === undefined && upToSeq === SEQ_MAX ? {} : { beforeSeq: Math.min(beforeSeq ?? SEQ_MAX, upToSeq + 1) }),
      ...(afterSeq === undefined ? {} : { afterSeq: Math.max(afterSeq, hidden) }),
    };
    const messages = (await store.messages.history(query)).filter((message) => message.seq > hidden);
    return historyTexts(messages, limit, afterSeq !== undefined);
  },
});
