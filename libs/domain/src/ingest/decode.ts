import { queue, SCHEMA_VERSION } from "@dunlin/proto";
import { conversationIdOf, isGroupId, isMessageId, isUserId, systemConversationOf } from "../ids.js";

export type CommandBody = NonNullable<queue.Command["body"]>;

/** A command that is well formed: version known, body there, its ids of the right kind and consistent. */
export interface ValidCommand extends queue.Command {
  body: CommandBody;
}

/** The conversation a command changes: the key it stands under in the queue. */
export const conversationOf = ({ $case, value }: CommandBody): string => {
  switch ($case) {
    case "send":
    case "read":
    case "notify":
      return value.conversationId;
    default:
      return value.groupId;
  }
};

/**
 * Reads a record of the topic `commands`.
 * @returns the command, or the reason why the record can never be applied.
 */
export const decodeCommand = (key: string | null, value: Uint8Array | null): ValidCommand | string => {
  if (value === null || value.byteLength === 0) return "no value";
  if (key === null) return "no key";
  let command: queue.Command;
  try {
    command = queue.Command.decode(value);
  } catch {
    return "not a command";
  }
  if (command.version !== SCHEMA_VERSION) return `unknown schema version ${command.version}`;
  if (!command.body) return "unknown command";
  const problem = wrongBody(command.body);
  if (problem !== undefined) return problem;
  if (conversationOf(command.body) !== key) return "key is not the conversation";
  return command as ValidCommand;
};

const isObjectText = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
};

const wrongBody = ({ $case, value: v }: CommandBody): string | undefined => {
  switch ($case) {
    case "send":
      if (!isMessageId(v.id)) return "wrong message id";
      if (!isUserId(v.senderId)) return "wrong sender";
      if (!isUserId(v.to) && !isGroupId(v.to)) return "unknown conversation";
      if (v.to === v.senderId || v.conversationId !== conversationIdOf(v.senderId, v.to)) return "unknown conversation";
      if (v.replyTo !== undefined && !isMessageId(v.replyTo)) return "wrong reply_to";
      if (v.clientMsgId === "") return "no client_msg_id";
      return isObjectText(v.payload) ? undefined : "payload is not a JSON object";
    case "notify":
      if (!isMessageId(v.id)) return "wrong message id";
      if (!isUserId(v.userId) || v.conversationId !== systemConversationOf(v.userId)) return "unknown conversation";
      if (v.clientMsgId === "") return "no client_msg_id";
      return isObjectText(v.payload) ? undefined : "payload is not a JSON object";
    case "read":
      if (!isUserId(v.userId) || v.conversationId !== conversationIdOf(v.userId, v.peer)) return "unknown conversation";
      return Number.isSafeInteger(v.seq) && v.seq >= 0 ? undefined : "wrong seq";
    case "createGroup":
      if (!isGroupId(v.groupId)) return "wrong group id";
      return isUserId(v.ownerId) && v.members.every(isUserId) ? undefined : "wrong user id";
    case "addMembers":
      if (!isGroupId(v.groupId)) return "wrong group id";
      return isUserId(v.actorId) && v.members.every(isUserId) ? undefined : "wrong user id";
    case "removeMember":
      if (!isGroupId(v.groupId)) return "wrong group id";
      return isUserId(v.actorId) && isUserId(v.userId) ? undefined : "wrong user id";
  }
};
