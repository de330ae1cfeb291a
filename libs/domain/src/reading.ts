import type { DialogRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import type { CommandOutcomes } from "./command-outcomes.js";
import type { RequestStore } from "./guarded-store.js";

/**
 * Accepts a new read position: beyond the newest message it is the newest; going back changes nothing.
 * @returns the dialog as it is then, and whether the change is applied or only accepted.
 * @throws AppError NOT_FOUND without such a dialog; QUEUE_FULL, UNAVAILABLE
 */
export const markRead = async (
  store: Pick<RequestStore, "dialogs">,
  outcomes: CommandOutcomes,
  userId: string,
  peer: string,
  seq: number,
  requestId: string,
): Promise<{ dialog: DialogRow; outcome: "applied" | "accepted" }> => {
  const dialog = await store.dialogs.get(userId, peer);
  if (!dialog) throw new AppError("NOT_FOUND");
  const upTo = Math.min(seq, dialog.topSeq);
  if (upTo <= dialog.readSeq) return { dialog, outcome: "applied" };
  const { conversationId } = dialog;
  const outcome = await outcomes.run(conversationId, requestId, { $case: "read", value: { userId, peer, conversationId, seq: upTo } });
  return { dialog: (await store.dialogs.get(userId, peer)) ?? dialog, outcome };
};
