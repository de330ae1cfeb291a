import type { EditRow, MessageRow, PinRow } from "@dunlin/engines/store";
import { AppError, type Clock } from "@dunlin/runtime";
import type { Access } from "./access.js";
import { canonicalJson } from "./canonical-json.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import { fileIdsOf } from "./files/index.js";
import type { Outcome } from "./groups.js";
import type { RequestStore } from "./guarded-store.js";
import { conversationIdOf, pairOf } from "./ids.js";
import { type MessagePayload, payloadText } from "./payload.js";
import type { Operation } from "./permissions.js";
import type { VisibleRange } from "./visible.js";
import type { VisibleMessage, VisibleMessages } from "./visible-messages.js";

export interface MessageChangesDeps {
  readonly store: Pick<RequestStore, "messages" | "annotations">;
  readonly visible: VisibleMessages;
  readonly access: Access;
  readonly outcomes: CommandOutcomes;
  readonly clock: Pick<Clock, "now">;
  /** How long after sending a sender may edit, and recall, ms. */
  readonly editWindowMs: number;
  readonly recallWindowMs: number;
}

/** A pinned message as one user sees it. */
export interface PinnedMessage {
  readonly pin: PinRow;
  readonly message: MessageRow;
}

/**
 * What people do to messages beside sending them. What can be refused at once is, ingest decides in the end. All of it
 * throws AppError NOT_FOUND for a message that the user may not see, and NOT_A_MEMBER, QUEUE_FULL, UNAVAILABLE.
 */
export class MessageChanges {
  constructor(private readonly deps: MessageChangesDeps) {}

  /**
   * The sender puts another payload in a message's place: of the same msg_type and with the same files.
   * @throws AppError FORBIDDEN (another's, or forwarded), CHANGE_TOO_LATE, MESSAGE_RECALLED, EDITS_FULL, BAD_REQUEST, PAYLOAD_TOO_LARGE
   */
  edit(userId: string, id: string, payload: MessagePayload, requestId: string): Promise<Outcome> {
    return this.#followed(id, () => this.#edit(userId, id, payload, requestId));
  }

  async #edit(userId: string, id: string, payload: MessagePayload, requestId: string): Promise<Outcome> {
    const { visible, clock, editWindowMs } = this.deps;
    const text = payloadText(payload);
    const { message } = await visible.get(userId, id);
    if (message.from !== userId || message.forwardedFrom !== null) throw new AppError("FORBIDDEN");
    if (message.recalledAt !== null) throw new AppError("MESSAGE_RECALLED");
    const editedAt = clock.now();
    if (editedAt - message.createdAt >= editWindowMs) throw new AppError("CHANGE_TOO_LATE");
    const before = JSON.parse(message.payload) as MessagePayload;
    if (before.msg_type !== payload.msg_type) throw new AppError("BAD_REQUEST", "an edit keeps the msg_type");
    if (canonicalJson(fileIdsOf(message.payload)) !== canonicalJson(fileIdsOf(text)))
      throw new AppError("BAD_REQUEST", "an edit keeps the files");
    const { conversationId } = message;
    return this.deps.outcomes.run(conversationId, requestId, {
      $case: "edit",
      value: { id, conversationId, userId, payload: text, editedAt },
    });
  }

  /** What a message said before its edits, the oldest first; for its sender, and who may by role. @throws AppError FORBIDDEN */
  async edits(userId: string, id: string): Promise<EditRow[]> {
    const found = await this.deps.visible.get(userId, id);
    if (found.message.from !== userId) await this.#require("readEdits", userId, found);
    return this.deps.store.annotations.edits(id);
  }

  /** For everybody: the sender within the time for it, others by role at any time. @throws AppError FORBIDDEN, CHANGE_TOO_LATE */
  recall(userId: string, id: string, requestId: string): Promise<Outcome> {
    return this.#followed(id, () => this.#recall(userId, id, requestId));
  }

  async #recall(userId: string, id: string, requestId: string): Promise<Outcome> {
    const { visible, clock, recallWindowMs } = this.deps;
    const found = await visible.get(userId, id);
    const { conversationId, createdAt, from } = found.message;
    if (from !== userId) await this.#require("recallMessage", userId, found);
    else if (clock.now() - createdAt >= recallWindowMs && !(await this.#may("recallMessage", userId, found))) {
      throw new AppError("CHANGE_TOO_LATE");
    }
    return this.deps.outcomes.run(conversationId, requestId, { $case: "recall", value: { id, conversationId, userId } });
  }

  /** For oneself alone. Again changes nothing. */
  async hide(userId: string, id: string, requestId: string): Promise<Outcome> {
    const [message] = await this.deps.store.messages.get([id]);
    if (message) {
      const { conversationId, seq } = message;
      if ((await this.deps.store.annotations.hidden([{ userId, conversationId, seq }])).length > 0) return "applied";
    }
    return this.#followed(id, async () => {
      const { conversationId } = (await this.deps.visible.get(userId, id)).message;
      return this.deps.outcomes.run(conversationId, requestId, { $case: "hide", value: { id, conversationId, userId } });
    });
  }

  /** Reacts, or takes it back. @throws AppError MESSAGE_RECALLED, REACTIONS_FULL */
  react(userId: string, id: string, emoji: string, on: boolean, requestId: string): Promise<Outcome> {
    return this.#followed(id, async () => {
      const { conversationId, recalledAt } = (await this.deps.visible.get(userId, id)).message;
      if (recalledAt !== null) throw new AppError("MESSAGE_RECALLED");
      return this.deps.outcomes.run(conversationId, requestId, { $case: "react", value: { id, conversationId, userId, emoji, on } });
    });
  }

  /** Pins a message for everybody, or takes the pin off. @throws AppError FORBIDDEN, MESSAGE_RECALLED, PINS_FULL */
  pin(userId: string, id: string, on: boolean, requestId: string): Promise<Outcome> {
    return this.#followed(id, async () => {
      const found = await this.deps.visible.get(userId, id);
      const { conversationId, recalledAt } = found.message;
      if (!pairOf(conversationId)) await this.#require("pinMessage", userId, found);
      if (on && recalledAt !== null) throw new AppError("MESSAGE_RECALLED");
      return this.deps.outcomes.run(conversationId, requestId, { $case: "pin", value: { id, conversationId, userId, on } });
    });
  }

  /** The pinned messages that a user can see, the newest pin first. */
  async pinned(userId: string, peer: string, { afterSeq, upToSeq }: VisibleRange): Promise<PinnedMessage[]> {
    const { annotations, messages } = this.deps.store;
    const pins = (await annotations.pinned(conversationIdOf(userId, peer))).filter(({ seq }) => seq > afterSeq && seq <= upToSeq);
    if (pins.length === 0) return [];
    const [rows, gone] = await Promise.all([
      messages.get(pins.map((pin) => pin.messageId)),
      annotations.hidden(pins.map(({ conversationId, seq }) => ({ userId, conversationId, seq }))),
    ]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    const hidden = new Set(gone.map((place) => place.seq));
    return pins.flatMap((pin) => {
      const message = byId.get(pin.messageId);
      return message && !hidden.has(pin.seq) ? [{ pin, message: { ...message, conversationId: pin.conversationId } }] : [];
    });
  }

  /** Another process may have upgraded the message's group a moment ago, which only ingest knew: then once more, in the supergroup. */
  async #followed(id: string, change: () => Promise<Outcome>): Promise<Outcome> {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "GROUP_UPGRADED") throw error;
      const [stored] = await this.deps.store.messages.get([id]);
      if (stored) this.deps.access.forget(stored.conversationId);
      return change();
    }
  }

  /** Nobody is refused by a role that was known before the call. A 1:1 has no roles: nobody may. */
  async #may(operation: Operation, userId: string, { message }: VisibleMessage): Promise<boolean> {
    const { conversationId } = message;
    return !pairOf(conversationId) && this.deps.access.may(operation, userId, conversationId);
  }

  async #require(operation: Operation, userId: string, found: VisibleMessage): Promise<void> {
    if (!(await this.#may(operation, userId, found))) throw new AppError("FORBIDDEN");
  }
}
