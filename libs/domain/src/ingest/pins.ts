import type { ErrorCode, queue } from "@dunlin/proto";
import { pairOf } from "../ids.js";
import { allowed } from "../permissions.js";
import type { Draft } from "./draft.js";
import { closedBy, needPlace, placeOf, problemOfPlace, tellChange } from "./message-place.js";
import type { Rule } from "./rule.js";

/** Pinned messages that a conversation may have. */
export const PINS_MAX = 50;

/** A message is pinned for everybody in its conversation, or not any more; what is so already stays so. */
const applyPin = (draft: Draft, pin: queue.PinMessage): ErrorCode => {
  const place = placeOf(draft, pin);
  if (typeof place === "string") return place;
  const { conversation, message } = place;
  if (!pairOf(conversation.id) && !allowed("pinMessage", place.member?.role)) return "FORBIDDEN";
  const closed = closedBy(draft, place);
  if (closed !== undefined) return closed;
  if (pin.on && message.recalledAt !== null) return "MESSAGE_RECALLED";
  const at = { conversationId: conversation.id, seq: message.seq };
  if (draft.annotations.isPinned(at) === pin.on) return "OK";
  if (!pin.on) draft.annotations.unpin(at);
  else if (draft.annotations.pins(conversation.id).length >= PINS_MAX) return "PINS_FULL";
  else draft.annotations.pin({ ...at, messageId: message.id, pinnedBy: pin.userId, pinnedAt: draft.now });
  tellChange(draft, place, "PIN", { by: pin.userId, on: pin.on });
  return "OK";
};

export const pinRule: Rule<queue.PinMessage> = {
  conversation: (pin) => pin.conversationId,
  problem: problemOfPlace,
  needs: (pin, needs) => {
    needPlace(pin, needs);
    needs.named.audience(pin.conversationId);
    needs.named.pinned(pin.conversationId);
  },
  apply: applyPin,
};
