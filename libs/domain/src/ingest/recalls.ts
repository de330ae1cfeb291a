import type { ErrorCode, queue } from "@dunlin/proto";
import { isSupergroupId } from "../ids.js";
import { allowed } from "../permissions.js";
import type { Draft } from "./draft.js";
import { needPlace, peerOf, placeOf, problemOfPlace, tellChange } from "./message-place.js";
import type { Rule, RuleContext } from "./rule.js";
import { markRecalled } from "./supergroup-marks.js";
import { hideInSupergroup } from "./supergroup-reads.js";
import { discount, type Unread } from "./unread.js";

/** What is left of a message that was recalled. */
export const RECALLED_PAYLOAD = '{"msg_type":"recalled"}';

const shown = ({ unread, unreadMentions }: Unread) => ({ unread, unread_mentions: unreadMentions });

/**
 * A message loses for everybody what it said, its earlier versions, reactions and pin, and keeps its place. Those for whom
 * it was unread are told their new counts.
 */
const applyRecall = (draft: Draft, recall: queue.RecallMessage): ErrorCode => {
  const place = placeOf(draft, recall);
  if (typeof place === "string") return place;
  const { conversation, message } = place;
  if (message.from !== recall.userId && !allowed("recallMessage", place.member?.role)) return "FORBIDDEN";
  if (message.recalledAt !== null) return "OK";
  const counts = new Map<string, Unread>();
  for (const userId of place.viewers) {
    const unread = discount(draft, conversation, userId, peerOf(conversation.id, userId), message);
    if (unread) counts.set(userId, unread);
  }
  if (conversation.supergroup) markRecalled(draft, conversation.id, message);
  draft.changeMessage({ ...message, payload: RECALLED_PAYLOAD, mentions: null, forwardedFrom: null, recalledAt: draft.now });
  draft.annotations.clear(message.id);
  draft.annotations.unpin({ conversationId: conversation.id, seq: message.seq });
  if (conversation.supergroup) {
    tellChange(draft, place, "RECALL", { by: recall.userId, recalled_at: draft.now });
    return "OK";
  }
  const fields = { id: message.id, seq: message.seq, by: recall.userId, recalled_at: draft.now };
  draft.tell(
    place.viewers.filter((userId) => !counts.has(userId)),
    "RECALL",
    conversation.id,
    fields,
  );
  for (const [userId, unread] of counts) draft.tell([userId], "RECALL", conversation.id, { ...fields, ...shown(unread) });
  return "OK";
};

export const recallRule: Rule<queue.RecallMessage> = {
  conversation: (recall) => recall.conversationId,
  problem: problemOfPlace,
  needs: (recall, needs) => {
    needPlace(recall, needs);
    if (!isSupergroupId(recall.conversationId)) needs.named.view(recall.id, "all");
    needs.named.audience(recall.conversationId);
    needs.named.pinned(recall.conversationId);
  },
  apply: applyRecall,
};

/** A message is gone from one member's view; that user's other devices are told. */
const applyHide = async (draft: Draft, hide: queue.HideMessage, context: RuleContext): Promise<ErrorCode> => {
  const place = placeOf(draft, hide);
  if (typeof place === "string") return place;
  const { conversation, message } = place;
  const { userId } = hide;
  const own = { userId, conversationId: message.conversationId, seq: message.seq };
  if (draft.annotations.isHidden(own)) return "OK";
  const peer = peerOf(conversation.id, userId);
  let unread: Unread | undefined;
  if (conversation.supergroup) unread = await hideInSupergroup(draft, context, conversation, userId, message);
  else {
    unread = discount(draft, conversation, userId, peer, message);
    draft.annotations.hide(own, draft.now);
  }
  draft.tell([userId], "DELETE", conversation.id, { peer, id: message.id, seq: message.seq, ...(unread ? shown(unread) : {}) });
  return "OK";
};

export const hideRule: Rule<queue.HideMessage> = {
  conversation: (hide) => hide.conversationId,
  problem: problemOfPlace,
  needs: (hide, needs) => {
    needPlace(hide, needs);
    needs.named.view(hide.id, hide.userId);
    if (isSupergroupId(hide.conversationId)) needs.dialog(hide.userId, hide.conversationId);
  },
  apply: applyHide,
};
