import type { MessageRow } from "@dunlin/engines/store";
import { type ErrorCode, errors, type queue } from "@dunlin/proto";
import { messageRest, messageText } from "../frames.js";
import { sendRefusal, slowModeOf } from "../group-rules.js";
import { conversationIdOf, isMessageId, isPeerId, isSupergroupId, isUserId, systemConversationOf } from "../ids.js";
import { allowed } from "../permissions.js";
import type { ConversationDraft, Draft } from "./draft.js";
import { isIn } from "./message-place.js";
import { refusesMessages } from "./refusals.js";
import type { Rule } from "./rule.js";
import { isScheduledId, settleScheduled } from "./scheduled.js";
import { markMentions, tellNamed } from "./supergroup-marks.js";

/** Mentions everybody in the conversation. */
export const MENTION_ALL = "@all";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The row of two users' conversation, or of a user's system conversation, when its first command comes. */
export const newConversation = (draft: Draft, id: string, kind: "user" | "system"): ConversationDraft => {
  const row: ConversationDraft = { id, kind, lastSeq: 0, title: "", avatar: "", ownerId: "", createdAt: draft.now };
  draft.putConversation(row);
  return row;
};

/** Tells the sender, on all devices, that an accepted message will not be delivered, and why. Of a scheduled one its schedule tells. */
const rejectSend = (draft: Draft, send: queue.SendMessage, code: ErrorCode): ErrorCode => {
  if (send.scheduled !== undefined) return code;
  draft.tell([send.senderId], "REJECT", send.conversationId, {
    id: send.id,
    client_msg_id: send.clientMsgId,
    to: send.to,
    code: errors[code].code,
    msg: errors[code].en,
  });
  return code;
};

const deliver = (draft: Draft, message: MessageRow, userIds: Iterable<string>, push: string | undefined): void => {
  const targets = [];
  for (const userId of userIds) {
    targets.push({ userId, pts: draft.addUpdate(userId, message.type, message.conversationId, message.seq, null) });
  }
  draft.effects.deliveries.push({ type: message.type, rest: messageRest(message), targets, message, push });
};

/** Fan-out on read: beside the message only the sender's own dialog changes, however many members there are. */
const showInSupergroup = (draft: Draft, supergroup: ConversationDraft, message: MessageRow, push: string | undefined): void => {
  if (draft.dialogs.position(message.from, supergroup.id)) draft.dialogs.countOwn(message.from, supergroup);
  else {
    const readCount = supergroup.supergroup?.messageCount ?? 0;
    draft.dialogs.putPosition(message.from, supergroup, { readSeq: message.seq, readCount, unread: 0, unreadMentions: 0 }, true);
  }
  draft.broadcast(supergroup.id, message.seq, message.type, messageText(message));
  markMentions(draft, supergroup.id, message, supergroup.id);
  tellNamed(draft, supergroup, message, message.replyTo === null ? undefined : draft.message(message.replyTo), push);
};

/** A message that is answered stands in this conversation, or in the group it began as, since the user is in it. */
const repliesToNothing = (draft: Draft, conversation: ConversationDraft, userId: string, id: string): boolean => {
  const message = draft.message(id);
  if (!message || message.seq <= (draft.members(conversation.id).get(userId)?.joinedSeq ?? 0)) return true;
  return !isIn(conversation, message);
};

/** Whether a text is a JSON object. */
export const isObjectText = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
};

/** Who hears of a message to a supergroup besides those who follow its log. */
export const toldOf = (send: Pick<queue.SendMessage, "mentions" | "replyAuthor">): string[] => {
  const named = send.mentions.filter((userId) => userId !== MENTION_ALL);
  return send.replyAuthor === undefined ? named : [...named, send.replyAuthor];
};

/** A message to a user or a group. A double (same sender and client_msg_id) changes nothing. */
const applySend = (draft: Draft, send: queue.SendMessage): ErrorCode =>
  draft.alreadySent(send.senderId, send.clientMsgId) ? "OK" : settleScheduled(draft, send, () => sendNow(draft, send));

const sendNow = (draft: Draft, send: queue.SendMessage): ErrorCode => {
  if (!draft.userExists(send.senderId)) return "NOT_FOUND";
  const toUser = send.to.startsWith("U");
  let conversation = draft.conversation(send.conversationId);
  if (toUser) {
    if (!draft.userExists(send.to)) return rejectSend(draft, send, "PEER_NOT_FOUND");
    if (refusesMessages(draft, send.senderId, send.to)) return rejectSend(draft, send, "PEER_REFUSES");
    conversation ??= newConversation(draft, send.conversationId, "user");
  } else {
    if (conversation?.kind !== "group" && conversation?.kind !== "supergroup") return rejectSend(draft, send, "PEER_NOT_FOUND");
    if (conversation.successorId !== undefined) return rejectSend(draft, send, "GROUP_UPGRADED");
    const member = draft.members(conversation.id).get(send.senderId);
    if (!member) return rejectSend(draft, send, "NOT_A_MEMBER");
    if (send.mentions.includes(MENTION_ALL) && !allowed("mentionAll", member.role)) {
      return rejectSend(draft, send, "MENTION_ALL_FORBIDDEN");
    }
    const settings = draft.groups.settings(conversation.id);
    const refusal = sendRefusal(settings, member, send.createdAt);
    if (refusal !== undefined) return rejectSend(draft, send, refusal);
    if (slowModeOf(settings, member) > 0) draft.putMember({ ...member, lastSentAt: Math.max(member.lastSentAt, send.createdAt) });
  }
  if (send.replyTo !== undefined && repliesToNothing(draft, conversation, send.senderId, send.replyTo)) {
    return rejectSend(draft, send, "REPLIED_NOT_FOUND");
  }
  const members = toUser ? [send.senderId, send.to] : [...draft.members(conversation.id).keys()];
  // Who has left meanwhile is not mentioned; the message is good all the same.
  const mentions = send.mentions.filter((userId) => userId === MENTION_ALL || members.includes(userId));
  const message = draft.addMessage(conversation, {
    id: send.id,
    type: toUser ? "C2C" : conversation.kind === "supergroup" ? "C2S" : "C2G",
    from: send.senderId,
    to: send.to,
    clientMsgId: send.clientMsgId,
    payload: send.payload,
    mentions: mentions.length > 0 ? JSON.stringify(mentions) : null,
    replyTo: send.replyTo ?? null,
    forwardedFrom: send.forwardedFrom,
    createdAt: send.createdAt,
    bodyHash: hex(send.bodyHash),
  });
  if (conversation.kind === "supergroup") {
    showInSupergroup(draft, conversation, message, send.push);
    return "OK";
  }
  const all = mentions.includes(MENTION_ALL);
  for (const userId of members) {
    const own = userId === send.senderId;
    const peer = !toUser ? send.to : own ? send.to : send.senderId;
    draft.dialogs.touch(userId, peer, conversation, own ? 0 : 1, !own && (all || mentions.includes(userId)));
  }
  deliver(draft, message, members, send.push);
  return "OK";
};

export const sendRule: Rule<queue.SendMessage> = {
  conversation: (send) => send.conversationId,
  problem: (send) => {
    if (!isMessageId(send.id)) return "wrong message id";
    if (!isUserId(send.senderId)) return "wrong sender";
    if (!isPeerId(send.to)) return "unknown conversation";
    if (send.to === send.senderId || send.conversationId !== conversationIdOf(send.senderId, send.to)) return "unknown conversation";
    if (send.replyTo !== undefined && !isMessageId(send.replyTo)) return "wrong reply_to";
    if (send.replyAuthor !== undefined && !isUserId(send.replyAuthor)) return "wrong reply_author";
    if (send.clientMsgId === "") return "no client_msg_id";
    if (send.scheduled !== undefined && !isScheduledId(send.scheduled.id)) return "wrong scheduled message";
    if (send.forwardedFrom !== undefined && !isObjectText(send.forwardedFrom)) return "forwarded_from is not a JSON object";
    return isObjectText(send.payload) ? undefined : "payload is not a JSON object";
  },
  needs: (send, needs) => {
    needs.send(send.senderId, send.clientMsgId);
    needs.user(send.senderId);
    if (send.scheduled !== undefined) needs.scheduledMessage(send.senderId, send.scheduled.id);
    if (isUserId(send.to)) needs.people.privacy(send.to);
    if (send.replyTo !== undefined) needs.named.message(send.replyTo);
    if (isSupergroupId(send.to)) {
      needs.member(send.to, send.senderId);
      needs.dialog(send.senderId, send.to);
      for (const told of toldOf(send)) {
        needs.user(told);
        needs.member(send.to, told);
      }
    }
  },
  apply: applySend,
  seesClosed: true,
  dead: { NOT_FOUND: "unknown sender", PEER_NOT_FOUND: "unknown conversation" },
};

/** A system notification: numbered in the user's system conversation, no dialog. */
const applyNotify = (draft: Draft, notify: queue.Notify): ErrorCode => {
  if (draft.alreadySent(SYSTEM_SENDER, notifyKey(notify))) return "OK";
  if (!draft.userExists(notify.userId)) return "PEER_NOT_FOUND";
  const conversation = draft.conversation(notify.conversationId) ?? newConversation(draft, notify.conversationId, "system");
  const message = draft.addMessage(conversation, {
    id: notify.id,
    type: "S2C",
    from: SYSTEM_SENDER,
    to: notify.userId,
    clientMsgId: notifyKey(notify),
    payload: notify.payload,
    mentions: null,
    replyTo: null,
    createdAt: notify.createdAt,
    bodyHash: hex(notify.bodyHash),
  });
  deliver(draft, message, [notify.userId], undefined);
  return "OK";
};

export const notifyRule: Rule<queue.Notify> = {
  conversation: (notify) => notify.conversationId,
  problem: (notify) => {
    if (!isMessageId(notify.id)) return "wrong message id";
    if (!isUserId(notify.userId) || notify.conversationId !== systemConversationOf(notify.userId)) return "unknown conversation";
    if (notify.clientMsgId === "") return "no client_msg_id";
    return isObjectText(notify.payload) ? undefined : "payload is not a JSON object";
  },
  needs: (notify, needs) => {
    needs.send(SYSTEM_SENDER, notifyKey(notify));
    needs.user(notify.userId);
  },
  apply: applyNotify,
  dead: { PEER_NOT_FOUND: "unknown conversation" },
};

/** The sender that notifications carry. */
export const SYSTEM_SENDER = "system";

/** All notifications have one sender, so what makes one unique is its user and the caller's id together. */
export const notifyKey = (notify: Pick<queue.Notify, "userId" | "clientMsgId">): string => `${notify.userId}:${notify.clientMsgId}`;
