import { conversationIdOf, systemConversationOf } from "@dunlin/domain";
import type { HistoryQuery, Store } from "@dunlin/engines/store";
import type { sys } from "@dunlin/proto";
import { AppError } from "@dunlin/runtime";
import type { SysContext } from "./context.js";
import { field } from "./fields.js";
import { difference, historyTexts } from "./frames.js";
import type { Handlers } from "./unary.js";

const DIFFERENCE_MAX = 1_000;
const HISTORY_MAX = 200;
const SEQ_MAX = Number.MAX_SAFE_INTEGER;

/** Up to which seq the conversation is not this user's to read. @throws AppError NOT_FOUND, NOT_A_MEMBER */
const hiddenUpTo = async (store: Store, userId: string, peer: string): Promise<number> => {
  if (peer === "system" || peer.startsWith("U")) return 0;
  const [member] = await store.conversations.memberships(userId, [peer]);
  if (member) return member.joinedSeq;
  const [conversation] = await store.conversations.get([peer]);
  throw new AppError(conversation ? "NOT_A_MEMBER" : "PEER_NOT_FOUND");
};

export const messageService = ({ store }: SysContext): Handlers<typeof sys.MessageServiceService> => ({
  sendMessage: async () => {
    throw new AppError("METHOD_NOT_ALLOWED");
  },
  sendNotification: async () => {
    throw new AppError("METHOD_NOT_ALLOWED");
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
    const hidden = await hiddenUpTo(store, userId, peer);
    const query: HistoryQuery = {
      conversationId: peer === "system" ? systemConversationOf(userId) : conversationIdOf(userId, peer),
      // One more than asked for tells whether there are more.
      limit: limit + 1,
      ...(beforeSeq === undefined ? {} : { beforeSeq }),
      ...(afterSeq === undefined ? {} : { afterSeq: Math.max(afterSeq, hidden) }),
    };
    const messages = (await store.messages.history(query)).filter((message) => message.seq > hidden);
    return historyTexts(messages, limit, afterSeq !== undefined);
  },
});
