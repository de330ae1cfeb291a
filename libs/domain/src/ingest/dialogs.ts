import { type DialogView, type DialogViewChange, isListed } from "@dunlin/engines/store";
import type { ErrorCode, queue } from "@dunlin/proto";
import { conversationIdOf, isPeerId, isSupergroupId, isUserId, systemConversationOf } from "../ids.js";
import type { ConversationDraft, Draft } from "./draft.js";
import { tellAuthors } from "./read-receipts.js";
import type { Needs, Rule, RuleContext } from "./rule.js";
import { countBehind, readSupergroup } from "./supergroup-reads.js";
import { unreadBehind } from "./unread.js";

/** Dialogs a user may pin. */
export const DIALOG_PINS_MAX = 100;
/** A draft is this long at most, UTF-16 units. */
export const DRAFT_MAX = 4_096;

type Place = Pick<DialogViewChange, "userId" | "peer" | "conversationId" | "kind">;

/** Sets part of a dialog's view and tells the user's devices what changed. */
export const setDialog = (draft: Draft, place: Place, view: Partial<DialogView>): void => {
  draft.views.set(place, view);
  draft.tell([place.userId], "DIALOG", place.conversationId, {
    peer: place.peer,
    ...(view.pinned !== undefined && { pinned: view.pinned > 0, pin_order: view.pinned }),
    ...(view.mutedUntil !== undefined && { muted_until: view.mutedUntil }),
    ...(view.draft !== undefined && { draft: view.draft }),
    ...(view.archived !== undefined && { archived: view.archived }),
    ...(view.markedUnread !== undefined && { marked_unread: view.markedUnread }),
  });
};

/** A supergroup's messages do not touch its members' dialogs: for them its own newest message counts. */
const topOf = (draft: Draft, userId: string, conversation: ConversationDraft, stored: number): number =>
  conversation.supergroup && draft.members(conversation.id).has(userId) ? conversation.supergroup.topSeq : stored;

/** The dialog that a command changes, if the user has it. */
const listed = (draft: Draft, userId: string, peer: string, conversationId: string) => {
  const dialog = draft.dialogs.get(userId, peer);
  const conversation = draft.conversation(conversationId);
  if (!dialog || !conversation) return undefined;
  const view = draft.views.view(userId, peer);
  const topSeq = topOf(draft, userId, conversation, dialog.topSeq);
  return isListed({ ...view, topSeq }) ? { dialog: { ...dialog, topSeq }, view, conversation } : undefined;
};

const applyChange = (draft: Draft, change: queue.ChangeDialog): ErrorCode => {
  const { userId, peer, conversationId } = change;
  const found = listed(draft, userId, peer, conversationId);
  if (!found) return "NOT_FOUND";
  const { view, conversation } = found;
  const next: { -readonly [K in keyof DialogView]?: DialogView[K] } = {};
  if (change.pinned !== undefined && change.pinned !== view.pinned > 0) {
    const pins = draft.views.pins(userId);
    if (change.pinned && pins.length >= DIALOG_PINS_MAX) return "DIALOG_PINS_FULL";
    next.pinned = change.pinned ? (pins[0]?.pinned ?? 0) + 1 : 0;
  }
  if (change.mutedUntil !== undefined && change.mutedUntil !== view.mutedUntil) next.mutedUntil = change.mutedUntil;
  if (change.draft !== undefined && change.draft !== view.draft) next.draft = change.draft;
  if (change.archived !== undefined && change.archived !== view.archived) next.archived = change.archived;
  if (change.markedUnread !== undefined && change.markedUnread !== view.markedUnread) next.markedUnread = change.markedUnread;
  if (Object.keys(next).length > 0) setDialog(draft, { userId, peer, conversationId, kind: conversation.kind }, next);
  return "OK";
};

/** What is deleted counts as read, for those who wrote it too. @returns what is unread then; of a supergroup its READ update says it. */
const readUpTo = async (
  draft: Draft,
  context: RuleContext,
  conversation: ConversationDraft,
  { userId, peer, readSeq, topSeq }: { userId: string; peer: string; readSeq: number; topSeq: number },
): Promise<{ unread?: number; unread_mentions?: number }> => {
  if (conversation.supergroup && draft.members(conversation.id).has(userId)) {
    await readSupergroup(draft, conversation, { userId, peer, conversationId: conversation.id, seq: readSeq }, context);
    return {};
  }
  if (conversation.supergroup) {
    // Who has left keeps what is unread with what was recalled of it: that is taken off when it is asked for.
    const { unread, unreadMentions, recalled } = await countBehind(draft, context, conversation, userId, readSeq, topSeq);
    draft.dialogs.read(userId, peer, conversation, { readSeq, unread: unread + recalled, unreadMentions });
    return { unread, unread_mentions: unreadMentions };
  }
  const { unread, unreadMentions } = await unreadBehind(draft, context.tx, userId, conversation, readSeq, topSeq);
  await tellAuthors(draft, context.tx, conversation, { userId, peer }, draft.dialogs.get(userId, peer)?.readSeq ?? 0, readSeq);
  draft.dialogs.read(userId, peer, conversation, { readSeq, unread, unreadMentions });
  return { unread, unread_mentions: unreadMentions };
};

/**
 * Deletes a dialog for one user, with its messages up to a seq: what came after it stays and is counted anew. Nobody else
 * learns of it. What is deleted already is not deleted again.
 */
const applyDelete = async (draft: Draft, remove: queue.DeleteDialog, context: RuleContext): Promise<ErrorCode> => {
  const { userId, peer, conversationId } = remove;
  const found = listed(draft, userId, peer, conversationId);
  if (!found) return "OK";
  const { dialog, view, conversation } = found;
  const clearedSeq = Math.max(view.clearedSeq, Math.min(remove.upToSeq, dialog.topSeq));
  const readSeq = Math.max(dialog.readSeq, clearedSeq);
  const counts = await readUpTo(draft, context, conversation, { userId, peer, readSeq, topSeq: dialog.topSeq });
  draft.views.set(
    { userId, peer, conversationId, kind: conversation.kind },
    { hidden: true, clearedSeq, pinned: 0, draft: "", archived: false, markedUnread: false },
  );
  draft.tell([userId], "DIALOG", conversationId, {
    peer,
    deleted: true,
    cleared_seq: clearedSeq,
    read_seq: readSeq,
    ...counts,
  });
  return "OK";
};

/** Pins these dialogs in this order, and unpins all others. */
const applyOrder = (draft: Draft, { userId, peers }: queue.OrderPins): ErrorCode => {
  if (peers.length > DIALOG_PINS_MAX) return "DIALOG_PINS_FULL";
  for (const peer of peers) {
    const dialog = draft.dialogs.get(userId, peer);
    if (!dialog || !isListed({ ...draft.views.view(userId, peer), topSeq: dialog.topSeq })) return "NOT_FOUND";
  }
  const before = draft.views.pins(userId).map(({ peer }) => peer);
  if (before.join() === peers.join()) return "OK";
  const place = (peer: string): Place => ({
    userId,
    peer,
    conversationId: conversationIdOf(userId, peer),
    kind: isUserId(peer) ? "user" : peer.startsWith("G") ? "group" : "supergroup",
  });
  for (const peer of before) if (!peers.includes(peer)) draft.views.set(place(peer), { pinned: 0 });
  for (const [index, peer] of peers.entries()) draft.views.set(place(peer), { pinned: peers.length - index });
  draft.tell([userId], "DIALOG", systemConversationOf(userId), { pinned_peers: peers });
  return "OK";
};

const problemOf = ({ userId, peer, conversationId }: { userId: string; peer: string; conversationId: string }): string | undefined =>
  isUserId(userId) && isPeerId(peer) && conversationId === conversationIdOf(userId, peer) ? undefined : "unknown conversation";

const needsOf = ({ userId, peer }: { userId: string; peer: string }, needs: Needs): void => {
  needs.user(userId);
  needs.dialog(userId, peer);
  needs.pinsOf(userId);
  if (isSupergroupId(peer)) needs.member(peer, userId);
};

export const changeDialogRule: Rule<queue.ChangeDialog> = {
  conversation: (change) => change.conversationId,
  problem: (change) => {
    if ((change.draft?.length ?? 0) > DRAFT_MAX) return "the draft is too long";
    const until = change.mutedUntil ?? 0;
    return Number.isSafeInteger(until) && until >= 0 ? problemOf(change) : "wrong muted_until";
  },
  needs: needsOf,
  apply: applyChange,
};

export const deleteDialogRule: Rule<queue.DeleteDialog> = {
  conversation: (remove) => remove.conversationId,
  problem: (remove) => (Number.isSafeInteger(remove.upToSeq) && remove.upToSeq >= 0 ? problemOf(remove) : "wrong seq"),
  needs: needsOf,
  apply: applyDelete,
};

export const orderPinsRule: Rule<queue.OrderPins> = {
  conversation: (order) => systemConversationOf(order.userId),
  problem: (order) => {
    if (!isUserId(order.userId) || !order.peers.every(isPeerId)) return "wrong id";
    return new Set(order.peers).size === order.peers.length ? undefined : "a peer stands there twice";
  },
  needs: ({ userId, peers }, needs) => {
    needs.user(userId);
    for (const peer of peers) needs.dialog(userId, peer);
    needs.pinsOf(userId);
  },
  apply: applyOrder,
};
