import type { ErrorCode, queue } from "@dunlin/proto";
import { writeRefusal } from "../group-rules.js";
import type { Draft } from "./draft.js";
import { closedBy, needPlace, placeOf, problemOfPlace } from "./message-place.js";
import { isObjectText } from "./messages.js";
import type { Rule } from "./rule.js";

/** Versions of a message that are kept; then it cannot be edited any more. */
export const EDITS_MAX = 100;

/** A sender puts another payload in a message's place. What stood there is kept; the same again changes nothing. */
const applyEdit = (draft: Draft, edit: queue.EditMessage): ErrorCode => {
  const place = placeOf(draft, edit);
  if (typeof place === "string") return place;
  const { conversation, message, member } = place;
  if (message.from !== edit.userId || message.forwardedFrom !== null) return "FORBIDDEN";
  if (message.recalledAt !== null) return "MESSAGE_RECALLED";
  // Who may not write may not write by editing either.
  const refusal = member ? writeRefusal(draft.groups.settings(conversation.id), member, edit.editedAt) : closedBy(draft, place);
  if (refusal !== undefined) return refusal;
  if (message.payload === edit.payload) return "OK";
  if (message.edits >= EDITS_MAX) return "EDITS_FULL";
  const no = message.edits + 1;
  draft.annotations.addEdit({
    messageId: message.id,
    no,
    payload: message.payload,
    writtenAt: message.editedAt ?? message.createdAt,
    replacedAt: edit.editedAt,
  });
  const edited = { ...message, payload: edit.payload, edits: no, editedAt: edit.editedAt };
  draft.changeMessage(edited);
  if (conversation.supergroup) draft.enter(conversation, "EDIT", { id: edited.id, message_seq: edited.seq }, edited);
  else draft.show(place.viewers, "EDIT", edited);
  return "OK";
};

export const editRule: Rule<queue.EditMessage> = {
  conversation: (edit) => edit.conversationId,
  problem: (edit) => problemOfPlace(edit) ?? (isObjectText(edit.payload) ? undefined : "payload is not a JSON object"),
  needs: (edit, needs) => {
    needPlace(edit, needs);
    needs.named.audience(edit.conversationId);
  },
  apply: applyEdit,
};
