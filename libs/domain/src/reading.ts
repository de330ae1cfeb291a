import type { DialogRow } from "@dunlin/engines/store";
import type { Access } from "./access.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import type { RequestStore } from "./guarded-store.js";
import { ownDialog } from "./visible.js";

/**
 * Accepts a new read position: beyond the newest message it is the newest; going back changes nothing.
 * @returns the dialog as it is then, and whether the change is applied or only accepted.
 * @throws AppError NOT_FOUND, PEER_NOT_FOUND, NOT_A_MEMBER without such a dialog; QUEUE_FULL, UNAVAILABLE
 */
export const markRead = async (
  store: Pick<RequestStore, "dialogs">,
  access: Access,
  outcomes: CommandOutcomes,
  userId: string,
  peer: string,
  seq: number,
  requestId: string,
): Promise<{ dialog: DialogRow; outcome: "applied" | "accepted" }> => {
  const dialog = await ownDialog(store, access, userId, peer);
  const upTo = Math.min(seq, dialog.topSeq);
  if (upTo < dialog.readSeq || (upTo === dialog.readSeq && !dialog.markedUnread)) return { dialog, outcome: "applied" };
  const { conversationId } = dialog;
  const outcome = await outcomes.run(conversationId, requestId, { $case: "read", value: { userId, peer, conversationId, seq: upTo } });
  return { dialog: (await store.dialogs.get(userId, peer)) ?? dialog, outcome };
};
