import type { MemberRow, MessageRow } from "@dunlin/engines/store";
import { AppError } from "@dunlin/runtime";
import type { Access } from "./access.js";
import type { RequestStore } from "./guarded-store.js";
import { conversationIdOf, isGroupId, isSupergroupId, pairOf } from "./ids.js";
import { visibleRange } from "./visible.js";

/** A message that a user may see, and the user's membership when it is in a group. */
export interface VisibleMessage {
  readonly message: MessageRow;
  readonly member: MemberRow | undefined;
}

/** Messages by id, for those who may see them. */
export class VisibleMessages {
  constructor(
    private readonly store: Pick<RequestStore, "messages" | "annotations" | "dialogs" | "conversations">,
    private readonly access: Access,
  ) {}

  /**
   * A message of a conversation that the user is in, said since the user joined and not deleted by the user. Anybody
   * else's answers like one that does not exist.
   * @throws AppError NOT_FOUND, UNAVAILABLE
   */
  async get(userId: string, id: string): Promise<VisibleMessage> {
    const [message] = await this.store.messages.get([id]);
    if (!message) throw new AppError("NOT_FOUND");
    const { conversationId, seq } = message;
    let member: MemberRow | undefined;
    if (isGroupId(conversationId)) {
      member = await this.access.membership(userId, conversationId).catch((error: unknown) => {
        throw error instanceof AppError && error.code === "NOT_A_MEMBER" ? new AppError("NOT_FOUND") : error;
      });
      if (seq <= member.joinedSeq) throw new AppError("NOT_FOUND");
    } else if (!pairOf(conversationId)?.includes(userId)) throw new AppError("NOT_FOUND");
    const peer = pairOf(conversationId)?.find((id) => id !== userId) ?? conversationId;
    const [deleted, dialog] = await Promise.all([
      this.store.annotations.hidden([{ userId, conversationId, seq }]),
      this.store.dialogs.get(userId, peer),
    ]);
    if (deleted.length > 0 || seq <= (dialog?.clearedSeq ?? 0)) throw new AppError("NOT_FOUND");
    return { message, member };
  }

  /**
   * Whether a message stands in the user's conversation with `peer` where the user can see it; undefined when there is none
   * with this id. @throws AppError PEER_NOT_FOUND, NOT_A_MEMBER, UNAVAILABLE
   */
  async isIn(userId: string, peer: string, id: string): Promise<boolean | undefined> {
    const { store, access } = this;
    const [[message], { afterSeq, upToSeq }] = await Promise.all([store.messages.get([id]), visibleRange(store, access, userId, peer)]);
    if (!message) return undefined;
    const { conversationId, seq } = message;
    if (seq <= afterSeq || seq > upToSeq) return false;
    if (conversationId !== conversationIdOf(userId, peer) && !(await this.#isBegun(peer, conversationId, seq))) return false;
    return (await store.annotations.hidden([{ userId, conversationId, seq }])).length === 0;
  }

  /** Whether a supergroup began as another group, with this message in it. */
  async #isBegun(supergroupId: string, groupId: string, seq: number): Promise<boolean> {
    if (!isSupergroupId(supergroupId)) return false;
    const [row] = await this.store.conversations.get([supergroupId]);
    const origin = row?.supergroup?.origin;
    return origin?.conversationId === groupId && seq <= origin.seq;
  }
}
