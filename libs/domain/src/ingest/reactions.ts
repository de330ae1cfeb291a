import type { ErrorCode, queue } from "@dunlin/proto";
import { emojiOf } from "../emoji.js";
import type { Draft } from "./draft.js";
import { closedBy, needPlace, placeOf, problemOfPlace, tellChange } from "./message-place.js";
import type { Rule } from "./rule.js";

/** Different emoji that one message may have. */
export const REACTIONS_MAX = 20;

/** Somebody reacts to a message, or takes it back; what is so already stays so. */
const applyReact = (draft: Draft, react: queue.React): ErrorCode => {
  const place = placeOf(draft, react);
  if (typeof place === "string") return place;
  const { message } = place;
  if (message.recalledAt !== null) return "MESSAGE_RECALLED";
  const closed = closedBy(draft, place);
  if (closed !== undefined) return closed;
  const key = { messageId: message.id, userId: react.userId, emoji: react.emoji };
  if (draft.annotations.hasReaction(key) === react.on) return "OK";
  const counts = draft.annotations.reactionCounts(message.id);
  if (react.on && !counts.has(react.emoji) && counts.size >= REACTIONS_MAX) return "REACTIONS_FULL";
  const count = draft.annotations.react(key, react.on, draft.now);
  tellChange(draft, place, "REACTION", { user_id: react.userId, emoji: react.emoji, on: react.on, count });
  return "OK";
};

export const reactRule: Rule<queue.React> = {
  conversation: (react) => react.conversationId,
  problem: (react) => problemOfPlace(react) ?? (emojiOf(react.emoji) === react.emoji ? undefined : "not an emoji"),
  needs: (react, needs) => {
    needPlace(react, needs);
    needs.named.reaction({ messageId: react.id, userId: react.userId, emoji: react.emoji });
    needs.named.audience(react.conversationId);
  },
  apply: applyReact,
};
