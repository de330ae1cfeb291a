import { type DialogRow, isListed } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import type { Access } from "./access.js";
import type { RequestStore } from "./guarded-store.js";
import { isUserId } from "./ids.js";

/** What of a conversation a user may see: messages with afterSeq < seq ≤ upToSeq. */
export interface VisibleRange {
  readonly afterSeq: number;
  readonly upToSeq: number;
}

/**
 * Of a 1:1 everything that the user has not deleted; of a group what came since joining, and for who has left, until then.
 * @throws AppError PEER_NOT_FOUND, NOT_A_MEMBER, UNAVAILABLE
 */
export const visibleRange = async (
  store: Pick<RequestStore, "dialogs">,
  access: Access,
  userId: string,
  peer: string,
): Promise<VisibleRange> => {
  if (isUserId(peer)) {
    const [dialog] = await Promise.all([store.dialogs.get(userId, peer), access.check(userId, peer)]);
    return { afterSeq: dialog?.clearedSeq ?? 0, upToSeq: Number.MAX_SAFE_INTEGER };
  }
  const [dialog, member] = await Promise.all([
    store.dialogs.get(userId, peer),
    access.membership(userId, peer).catch((error: unknown) => {
      if (error instanceof AppError && error.code === "NOT_A_MEMBER") return undefined;
      throw error;
    }),
  ]);
  const cleared = dialog?.clearedSeq ?? 0;
  // The dialog is read anew, the membership may be remembered from some seconds ago.
  if (dialog && dialog.leftSeq !== null) return { afterSeq: cleared, upToSeq: dialog.leftSeq };
  if (member) return { afterSeq: Math.max(member.joinedSeq, cleared), upToSeq: Number.MAX_SAFE_INTEGER };
  throw new AppError("NOT_A_MEMBER");
};

/**
 * A user's own dialog, also with a group that the user has left.
 * @throws AppError NOT_FOUND when there is none (any more); PEER_NOT_FOUND, NOT_A_MEMBER, UNAVAILABLE
 */
export const ownDialog = async (store: Pick<RequestStore, "dialogs">, access: Access, userId: string, peer: string): Promise<DialogRow> => {
  const dialog = await store.dialogs.get(userId, peer);
  if (dialog && isListed(dialog)) return dialog;
  if (!dialog || dialog.leftSeq === null) await access.check(userId, peer);
  throw new AppError("NOT_FOUND");
};
