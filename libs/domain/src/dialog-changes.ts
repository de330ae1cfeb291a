import type { DialogRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import type { Access } from "./access.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import type { RequestStore } from "./guarded-store.js";
import { systemConversationOf } from "./ids.js";
import { ownDialog } from "./visible.js";

/** What is not named stays as it is. */
export interface DialogSettings {
  readonly pinned?: boolean | undefined;
  /** ms since 1970, 0: not muted. */
  readonly mutedUntil?: number | undefined;
  readonly draft?: string | undefined;
  readonly archived?: boolean | undefined;
  readonly markedUnread?: boolean | undefined;
}

export interface DialogChangesDeps {
  readonly store: Pick<RequestStore, "dialogs">;
  readonly access: Access;
  readonly outcomes: CommandOutcomes;
}

type Outcome = "applied" | "accepted";

/** Accepts changes of a user's own view of conversations; all of the user's devices learn of them, nobody else does. */
export class DialogChanges {
  constructor(private readonly deps: DialogChangesDeps) {}

  /**
   * @returns the dialog as it is then.
   * @throws AppError NOT_FOUND, PEER_NOT_FOUND, NOT_A_MEMBER, DIALOG_PINS_FULL, QUEUE_FULL, UNAVAILABLE
   */
  async change(
    userId: string,
    peer: string,
    settings: DialogSettings,
    requestId: string,
  ): Promise<{ dialog: DialogRow; outcome: Outcome }> {
    const { store, access, outcomes } = this.deps;
    const dialog = await ownDialog(store, access, userId, peer);
    const { conversationId } = dialog;
    const { pinned, mutedUntil, draft, archived, markedUnread } = settings;
    const value = { userId, peer, conversationId, pinned, mutedUntil, draft, archived, markedUnread };
    const outcome = await outcomes.run(conversationId, requestId, { $case: "changeDialog", value });
    return { dialog: (await store.dialogs.get(userId, peer)) ?? dialog, outcome };
  }

  /**
   * Deletes a dialog for this user, with the messages there are now: one that comes later brings it back.
   * @throws AppError NOT_FOUND, PEER_NOT_FOUND, NOT_A_MEMBER, QUEUE_FULL, UNAVAILABLE
   */
  async remove(userId: string, peer: string, requestId: string): Promise<Outcome> {
    const { store, access, outcomes } = this.deps;
    const { conversationId, topSeq } = await ownDialog(store, access, userId, peer);
    return outcomes.run(conversationId, requestId, { $case: "deleteDialog", value: { userId, peer, conversationId, upToSeq: topSeq } });
  }

  /**
   * Pins these dialogs, the first on top, and unpins all others.
   * @throws AppError BAD_REQUEST, NOT_FOUND when one is no dialog of this user, DIALOG_PINS_FULL, QUEUE_FULL, UNAVAILABLE
   */
  async order(userId: string, peers: readonly string[], requestId: string): Promise<Outcome> {
    if (new Set(peers).size < peers.length) throw new AppError("BAD_REQUEST", "a peer stands there twice", { details: { field: "peers" } });
    return this.deps.outcomes.run(systemConversationOf(userId), requestId, { $case: "orderPins", value: { userId, peers: [...peers] } });
  }
}
