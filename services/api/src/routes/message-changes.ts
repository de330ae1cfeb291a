import { emojiOf } from "@dunlin/domain";
import { z } from "zod";
import { route } from "../http/route.js";
import { changeView, messageId, payload } from "./schemas.js";
import { who } from "./who.js";

const parameter = z.strictObject({ id: messageId });
const reactionParameter = z.strictObject({
  id: messageId,
  emoji: z
    .string()
    .max(64)
    .refine((text) => emojiOf(text) !== undefined, "not one emoji")
    .transform((text) => emojiOf(text) as string)
    .meta({ type: "string", description: "One emoji", example: "👍" }),
});

const answer = (state: "applied" | "accepted") => ({ status: state === "applied" ? 200 : 202, data: { state } });

const tag = "Messages";
const later = "202 when it takes effect a little later";
const common = ["NOT_FOUND", "NOT_A_MEMBER", "QUEUE_FULL"] as const;

export const messageChangeRoutes = [
  route({
    id: "editMessage",
    method: "patch",
    path: "/v1/messages/{id}",
    tag,
    summary: `Put another payload in the place of one's message, of the same msg_type and with the same files; ${later}`,
    who: "The message's sender, as long as sending there is allowed; who may see it otherwise gets `FORBIDDEN`, anybody else `NOT_FOUND`, whether there is such a message or not.",
    bounds: "For `IM_EDIT_WINDOW_S` after it was sent; a payload of at most 16,384 bytes",
    params: parameter,
    body: z.strictObject({ payload }).meta({ id: "EditRequest" }),
    statuses: [200, 202],
    response: changeView,
    errors: [
      ...common,
      "FORBIDDEN",
      "CHANGE_TOO_LATE",
      "MESSAGE_RECALLED",
      "EDITS_FULL",
      "PAYLOAD_TOO_LARGE",
      "MUTED",
      "GROUP_MUTED",
      "GROUP_DISSOLVED",
      "PEER_REFUSES",
    ],
    handler: async ({ changes }, { claims, params, body, requestId }) =>
      answer(await changes.edit(claims.userId, params.id, body.payload, requestId)),
  }),
  route({
    id: "listEdits",
    method: "get",
    path: "/v1/messages/{id}/edits",
    tag,
    summary: "What a message said before it was edited, the oldest first; for its sender and a group's owner and admins",
    who: "The message's sender, and in a group its owner and admins; other readers get `FORBIDDEN`, anybody else `NOT_FOUND`, whether there is such a message or not.",
    params: parameter,
    response: z.object({
      items: z.array(
        z
          .object({
            payload: z.looseObject({ msg_type: z.string() }),
            written_at: z.int().meta({ description: "When this was said, ms since 1970" }),
            replaced_at: z.int().meta({ description: "When the next version took its place, ms since 1970" }),
          })
          .meta({ id: "Edit" }),
      ),
      next_cursor: z.null(),
    }),
    errors: ["NOT_FOUND", "FORBIDDEN"],
    handler: async ({ changes }, { claims, params }) => {
      const edits = await changes.edits(claims.userId, params.id);
      const items = edits.map((edit) => `{"payload":${edit.payload},"written_at":${edit.writtenAt},"replaced_at":${edit.replacedAt}}`);
      return { json: `{"items":[${items.join(",")}],"next_cursor":null}` };
    },
  }),
  route({
    id: "deleteMessage",
    method: "delete",
    path: "/v1/messages/{id}",
    tag,
    summary: `Recall a message for everybody (the sender for a while, a group's owner and admins always), or delete it for oneself; ${later}`,
    who: "For oneself: who may see the message. For everyone: its sender, and in a group its owner and admins; other readers get `FORBIDDEN`, anybody else `NOT_FOUND`, whether there is such a message or not.",
    bounds: "The sender recalls for `IM_RECALL_WINDOW_S` after it was sent",
    params: parameter,
    query: z.strictObject({ for: z.enum(["everyone", "me"]) }),
    statuses: [200, 202],
    response: changeView,
    errors: [...common, "FORBIDDEN", "CHANGE_TOO_LATE"],
    handler: async ({ changes }, { claims, params, query, requestId }) =>
      answer(
        query.for === "me"
          ? await changes.hide(claims.userId, params.id, requestId)
          : await changes.recall(claims.userId, params.id, requestId),
      ),
  }),
  route({
    id: "addReaction",
    method: "put",
    path: "/v1/messages/{id}/reactions/{emoji}",
    tag,
    summary: `React to a message; ${later}`,
    who: who.reader,
    bounds: "At most 20 different emoji on a message",
    params: reactionParameter,
    statuses: [200, 202],
    response: changeView,
    errors: [...common, "MESSAGE_RECALLED", "REACTIONS_FULL", "GROUP_DISSOLVED", "PEER_REFUSES"],
    handler: async ({ changes }, { claims, params, requestId }) =>
      answer(await changes.react(claims.userId, params.id, params.emoji, true, requestId)),
  }),
  route({
    id: "removeReaction",
    method: "delete",
    path: "/v1/messages/{id}/reactions/{emoji}",
    tag,
    summary: `Take one's reaction back; ${later}`,
    who: who.reader,
    params: reactionParameter,
    statuses: [200, 202],
    response: changeView,
    errors: [...common, "MESSAGE_RECALLED", "GROUP_DISSOLVED", "PEER_REFUSES"],
    handler: async ({ changes }, { claims, params, requestId }) =>
      answer(await changes.react(claims.userId, params.id, params.emoji, false, requestId)),
  }),
  route({
    id: "pinMessage",
    method: "put",
    path: "/v1/messages/{id}/pin",
    tag,
    summary: `Pin a message for everybody in its conversation; in a group the owner and admins may. ${later}`,
    who: "Both sides of a 1:1, in a group its owner and admins; other readers get `FORBIDDEN`, anybody else `NOT_FOUND`, whether there is such a message or not.",
    bounds: "At most 50 pins in a conversation",
    params: parameter,
    statuses: [200, 202],
    response: changeView,
    errors: [...common, "FORBIDDEN", "MESSAGE_RECALLED", "PINS_FULL", "GROUP_DISSOLVED", "PEER_REFUSES"],
    handler: async ({ changes }, { claims, params, requestId }) => answer(await changes.pin(claims.userId, params.id, true, requestId)),
  }),
  route({
    id: "unpinMessage",
    method: "delete",
    path: "/v1/messages/{id}/pin",
    tag,
    summary: `Take a pin off; in a group the owner and admins may. ${later}`,
    who: "Both sides of a 1:1, in a group its owner and admins; other readers get `FORBIDDEN`, anybody else `NOT_FOUND`, whether there is such a message or not.",
    params: parameter,
    statuses: [200, 202],
    response: changeView,
    errors: [...common, "FORBIDDEN", "GROUP_DISSOLVED", "PEER_REFUSES"],
    handler: async ({ changes }, { claims, params, requestId }) => answer(await changes.pin(claims.userId, params.id, false, requestId)),
  }),
];
