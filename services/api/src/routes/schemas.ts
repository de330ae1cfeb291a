import {
  isFileId,
  isGroupId,
  isMessageId,
  isPeerId,
  isSupergroupId,
  isUserId,
  MENTION_ALL,
  payloadSchema,
  pushSchema,
  textRules,
} from "@dunlin/domain";
import { z } from "zod";

/** Shapes that several operations share. Requests are strict: a field nobody knows is refused. */

export const time = (what: string) => z.int().meta({ description: `${what}, ms since 1970` });

export const userId = z
  .string()
  .max(64)
  .refine(isUserId, "not a user id")
  .meta({ id: "UserId", description: "A user: U and 14 characters", example: "U4f8sXb2QmYk9Tz" });
export const groupId = z
  .string()
  .max(64)
  .refine(isGroupId, "not a group id")
  .meta({ id: "GroupId", description: "A group: G and 14 characters", example: "G7h2sXb2QmYk9Tz" });
export const supergroupId = z
  .string()
  .max(64)
  .refine(isSupergroupId, "not a supergroup id")
  .meta({ id: "SupergroupId", description: "A supergroup: C and 14 characters", example: "C7h2sXb2QmYk9Tz" });
/** What the group operations take. */
export const anyGroupId = z
  .string()
  .max(64)
  .refine((id) => isGroupId(id) || isSupergroupId(id), "not a group or supergroup id")
  .meta({ id: "AnyGroupId", description: "A group (G…) or a supergroup (C…)", example: "G7h2sXb2QmYk9Tz" });
export const peerId = z
  .string()
  .max(64)
  .refine(isPeerId, "not a user, group or supergroup id")
  .meta({ id: "PeerId", description: "A user (U…), group (G…) or supergroup (C…)", example: "U4f8sXb2QmYk9Tz" });
export const messageId = z
  .string()
  .max(19)
  .refine(isMessageId, "not a message id")
  .meta({ id: "MessageId", description: "A snowflake, 63 bit, as a decimal string", example: "112233445566778899" });
export const fileId = z
  .string()
  .max(64)
  .refine(isFileId, "not a file id")
  .meta({ id: "FileId", description: "A file: F and 14 characters", example: "F2k9sXb2QmYk9Tz" });
export const sessionId = z.string().regex(textRules.sessionId.pattern, "not a session id");

/** Free text of people: no control characters. */
export const plainText = (max: number) =>
  z
    .string()
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    .regex(/^[^\u0000-\u001f\u007f]*$/, "control characters are not allowed");

const digits = (text: string, max: number): boolean => /^(0|[1-9]\d{0,15})$/.test(text) && Number(text) <= max;

/** A whole number in a query string. */
export const queryInteger = (min: number, max: number) =>
  z
    .string()
    .refine((text) => digits(text, max) && Number(text) >= min, `not a whole number from ${min} to ${max}`)
    .transform(Number)
    .meta({ type: "integer", minimum: min, maximum: max });

export const SEQ_MAX = Number.MAX_SAFE_INTEGER;
export const cursorParameter = z.string().min(1).max(512).meta({ description: "`next_cursor` of the page before" });

export const userView = z
  .object({
    id: z.string(),
    account: z.string(),
    nickname: z.string(),
    avatar: z.string(),
    bio: z.string(),
    created_at: time("When the user registered"),
  })
  .meta({ id: "User" });

export const device = {
  device_id: z
    .string()
    .regex(textRules.deviceId.pattern, textRules.deviceId.says)
    .meta({ description: "Names this installation; a new login of the same device ends the one before" }),
  platform: z
    .string()
    .regex(textRules.platform.pattern, textRules.platform.says)
    .meta({ description: "ios, android, web, desktop, cli …" }),
};

export const tokensView = z
  .object({
    user: userView,
    session_id: z.string(),
    access_token: z.string(),
    refresh_token: z.string().meta({ description: "Good for one refresh; using it a second time ends the session" }),
    expires_in: z.int().meta({ description: "Seconds until the access token expires" }),
  })
  .meta({ id: "Tokens" });

export const messageView = z
  .object({
    id: z.string(),
    conversation_id: z.string(),
    seq: z.int().meta({ description: "Its place in the conversation: 1, 2, 3 … no gap" }),
    type: z.enum(["C2C", "C2G", "C2S", "S2C"]),
    from: z.string(),
    to: z.string(),
    client_msg_id: z.string(),
    payload: z.looseObject({ msg_type: z.string() }),
    created_at: time("When it was accepted"),
    server_ts: time("When it was stored"),
    reply_to: z.string().optional(),
    mentions: z.array(z.string()).optional(),
    forwarded_from: z
      .object({ message_id: z.string(), user_id: z.string() })
      .optional()
      .meta({ description: "The message it passes on, and who said it" }),
    edited_at: time("When it was edited last").optional(),
    recalled_at: time("When it was recalled: its payload is then `{msg_type: recalled}`").optional(),
    reactions: z
      .array(z.object({ emoji: z.string(), count: z.int(), mine: z.boolean() }).meta({ id: "Reaction" }))
      .optional()
      .meta({ description: "In histories, when there are any; the first one given comes first" }),
  })
  .meta({ id: "Message" });

export const dialogView = z
  .object({
    peer: z.string(),
    conversation_id: z.string(),
    kind: z.enum(["user", "group", "supergroup"]),
    title: z.string(),
    avatar: z.string(),
    top_message: messageView.nullable(),
    top_seq: z.int(),
    read_seq: z.int(),
    unread: z.int(),
    unread_mentions: z.int(),
    pinned: z.boolean(),
    pin_order: z.int().meta({ description: "The greater, the higher among the pinned; 0 when not pinned" }),
    muted_until: time("Muted up to here, 0 when not"),
    draft: z.string(),
    archived: z.boolean(),
    marked_unread: z.boolean(),
    left_seq: z.int().nullable().meta({ description: "Where the user left the group: later messages are not the user's to see" }),
    updated_at: time("Newest activity"),
  })
  .meta({ id: "Dialog" });

export const frameView = z
  .looseObject({ type: z.string(), pts: z.int() })
  .meta({ id: "Update", description: "A frame exactly as the WebSocket carries it" });

export const joinMode = z.enum(["invite", "link", "approval", "open"]).meta({
  description:
    "How one gets in besides being brought in by a member: not at all, by the link, by the link and an approval; into a supergroup that is open by its id alone",
});

export const entryView = z
  .looseObject({ type: z.string(), conversation_id: z.string(), seq: z.int() })
  .meta({ id: "Entry", description: "An entry of a supergroup's log, exactly as the WebSocket carries it; its place is its seq" });

export const groupView = z
  .object({
    id: z.string(),
    kind: z.enum(["group", "supergroup"]),
    title: z.string(),
    avatar: z.string(),
    owner_id: z.string(),
    member_count: z.int(),
    announcement: z.string(),
    slow_mode_s: z.int().meta({ description: "A member may send one message in so many seconds; 0: as many as wanted" }),
    muted_until: time("Only the owner and admins may send up to here, 0 when not muted"),
    join: joinMode,
    dissolved_at: time("When it was dissolved: readable, and nobody sends any more; 0 when it lives"),
    created_at: time("When it was created"),
  })
  .meta({ id: "Group" });

export const memberView = z
  .object({
    user_id: z.string(),
    role: z.enum(["owner", "admin", "member"]),
    joined_at: time("When the user joined"),
    muted_until: time("May not send up to here, 0 when not muted"),
  })
  .meta({ id: "Member" });

/** What a change came to: in effect, or durable and soon in effect. */
export const changeView = z.object({ state: z.enum(["applied", "accepted"]) }).meta({ id: "Change" });

export const acceptedView = z
  .object({ id: z.string(), conversation_id: z.string(), created_at: time("When it was accepted"), state: z.literal("accepted") })
  .meta({ id: "Accepted" });

export const payload = payloadSchema.meta({ id: "Payload", description: "At most 16,384 bytes as JSON" });

export const outgoingMessage = z
  .strictObject({
    to: peerId,
    client_msg_id: z
      .string()
      .regex(textRules.clientMsgId.pattern, textRules.clientMsgId.says)
      .meta({ description: "Chosen by the client; sent again with the same message it is stored once" }),
    payload,
    mentions: z
      .array(z.union([userId, z.literal(MENTION_ALL)]))
      .max(50)
      .optional(),
    reply_to: messageId.optional(),
    forwarded_from: z
      .strictObject({ message_id: messageId })
      .optional()
      .meta({ description: "A message one can see, passed on with its payload as it is" }),
    push: pushSchema.meta({ id: "PushPreferences" }).optional(),
  })
  .meta({ id: "OutgoingMessage" });

/** The usual query of a list. */
export const pageQuery = z.strictObject({ cursor: cursorParameter.optional(), limit: queryInteger(1, 100).optional() });

export const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next_cursor: z.string().nullable() });
