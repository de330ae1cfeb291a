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
    const [stored] = await this.store.messages.get([id]);
    if (!stored) throw new AppError("NOT_FOUND");
    const { seq } = stored;
    let { conversationId } = stored;
    let member: MemberRow | undefined;
    if (isGroupId(conversationId) || isSupergroupId(conversationId)) {
      member = await this.#membership(userId, conversationId);
      // Of a group that went on as a supergroup, the messages are the supergroup's.
      conversationId = member.conversationId;
      if (seq <= member.joinedSeq) throw new AppError("NOT_FOUND");
    } else if (!pairOf(conversationId)?.includes(userId)) throw new AppError("NOT_FOUND");
    const peer = pairOf(conversationId)?.find((id) => id !== userId) ?? conversationId;
    const [deleted, dialog] = await Promise.all([
      this.store.annotations.hidden([{ userId, conversationId, seq }]),
      this.store.dialogs.get(userId, peer),
    ]);
    if (deleted.length > 0 || seq <= (dialog?.clearedSeq ?? 0)) throw new AppError("NOT_FOUND");
    return { message: { ...stored, conversationId }, member };
  }

  /** In the group, or in the supergroup that it has become. */
  async #membership(userId: string, groupId: string): Promise<MemberRow> {
    try {
      return await this.access.membership(userId, groupId);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const successor = error.code === "GROUP_UPGRADED" ? error.details?.["upgraded_to"] : undefined;
      if (typeof successor === "string") return this.#membership(userId, successor);
      throw error.code === "NOT_A_MEMBER" ? new AppError("NOT_FOUND") : error;
    }
  }

  /**
   * A message of the user's conversation with `peer`; false when it is not there for the user to see, undefined when there is
   * none with this id. @throws AppError PEER_NOT_FOUND, NOT_A_MEMBER, UNAVAILABLE
   */
  async inConversation(userId: string, peer: string, id: string): Promise<MessageRow | false | undefined> {
    const { store, access } = this;
    const [[message], { afterSeq, upToSeq }] = await Promise.all([store.messages.get([id]), visibleRange(store, access, userId, peer)]);
    if (!message) return undefined;
    const { conversationId, seq } = message;
    if (seq <= afterSeq || seq > upToSeq) return false;
    if (conversationId !== conversationIdOf(userId, peer) && !(await this.#isBegun(peer, conversationId, seq))) return false;
    return (await store.annotations.hidden([{ userId, conversationId, seq }])).length === 0 && message;
  }

  /** Whether a supergroup began as another group, with this message in it. */
  async #isBegun(supergroupId: string, groupId: string, seq: number): Promise<boolean> {
    if (!isSupergroupId(supergroupId)) return false;
    const [row] = await this.store.conversations.get([supergroupId]);
    const origin = row?.supergroup?.origin;
    return origin?.conversationId === groupId && seq <= origin.seq;
  }
}
