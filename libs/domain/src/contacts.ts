import type { ContactRow } from "@dunlin/engines/store";
import type { queue } from "@dunlin/proto";
import { AppError, type Clock } from "@dunlin/runtime";
import type { Access } from "./access.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import type { Outcome } from "./groups.js";
import type { RequestStore } from "./guarded-store.js";
import { conversationIdOf } from "./ids.js";
import type { Relations } from "./relations.js";

export interface ContactsDeps {
  readonly store: Pick<RequestStore, "contacts">;
  readonly access: Access;
  readonly relations: Relations;
  readonly outcomes: CommandOutcomes;
  readonly clock: Pick<Clock, "now">;
  /** How long who was refused may not ask the same user again, ms. */
  readonly pauseMs: number;
}

/** How it stands between a user and a peer (undefined: they are nothing to each other), and whether the change is in effect. */
export interface ContactOutcome {
  readonly row: ContactRow | undefined;
  readonly outcome: Outcome;
}

/** Accepts changes of who is whose contact. All of them can be repeated. */
export class Contacts {
  constructor(private readonly deps: ContactsDeps) {}

  /**
   * Asks `peer` to be a contact; accepts when `peer` has asked already.
   * @throws AppError BAD_REQUEST (oneself), PEER_NOT_FOUND, PEER_REFUSES, CONTACT_PAUSED, LIST_FULL, QUEUE_FULL, UNAVAILABLE
   */
  async request(userId: string, peer: string, message: string, requestId: string): Promise<ContactOutcome> {
    if (userId === peer) throw new AppError("BAD_REQUEST", "one cannot be one's own contact", { details: { field: "user_id" } });
    if ((await this.deps.access.missingUsers([peer])).length > 0) throw new AppError("PEER_NOT_FOUND");
    try {
      return await this.#run(userId, peer, requestId, (pair) => ({ $case: "requestContact", value: { ...pair, message } }));
    } catch (error) {
      if (error instanceof AppError && error.code === "CONTACT_PAUSED") throw await this.#paused(userId, peer);
      throw error;
    }
  }

  /** @throws AppError NOT_FOUND (no request of `peer` waits), LIST_FULL, QUEUE_FULL, UNAVAILABLE */
  answer(userId: string, peer: string, accept: boolean, requestId: string): Promise<ContactOutcome> {
    return this.#run(userId, peer, requestId, (pair) => ({ $case: "answerContact", value: { ...pair, accept } }));
  }

  /**
   * Makes two users contacts, whether one has asked or not: as if one had and the other accepted.
   * @throws AppError BAD_REQUEST (oneself), PEER_NOT_FOUND, PEER_REFUSES, CONTACT_PAUSED (both were refused), LIST_FULL, QUEUE_FULL, UNAVAILABLE
   */
  async connect(userId: string, peer: string, requestId: string): Promise<ContactOutcome> {
    const asked = (from: string, to: string) => this.request(from, to, "", requestId);
    let [asking, other] = [userId, peer];
    let first = await asked(asking, other).catch((error: unknown) => {
      if (error instanceof AppError && error.code === "CONTACT_PAUSED") return undefined;
      throw error;
    });
    if (first === undefined) {
      [asking, other] = [peer, userId];
      first = await asked(asking, other);
    }
    return first.row?.state === "contact" ? first : this.answer(other, asking, true, requestId);
  }

  /** Ends a contact or an open request, whoever made it. @throws AppError QUEUE_FULL, UNAVAILABLE */
  remove(userId: string, peer: string, requestId: string): Promise<ContactOutcome> {
    return this.#run(userId, peer, requestId, (pair) => ({ $case: "removeContact", value: pair }));
  }

  /** @throws AppError NOT_FOUND (no contact), QUEUE_FULL, UNAVAILABLE */
  setRemark(userId: string, peer: string, remark: string, requestId: string): Promise<ContactOutcome> {
    return this.#run(userId, peer, requestId, (pair) => ({ $case: "setRemark", value: { ...pair, remark } }));
  }

  /** The refusal of a request that comes too soon after another one, with when to come again. */
  async #paused(userId: string, peer: string): Promise<AppError> {
    const { store, clock, pauseMs } = this.deps;
    const refusedAt = (await store.contacts.refusedAt(userId, peer).catch(() => undefined)) ?? clock.now();
    return new AppError("CONTACT_PAUSED", undefined, { retryAfterS: Math.max(1, Math.ceil((refusedAt + pauseMs - clock.now()) / 1_000)) });
  }

  async #run(
    userId: string,
    peer: string,
    requestId: string,
    body: (pair: queue.RemoveContact) => NonNullable<queue.Command["body"]>,
  ): Promise<ContactOutcome> {
    if (userId === peer) throw new AppError("NOT_FOUND");
    const { store, relations, outcomes } = this.deps;
    const conversationId = conversationIdOf(userId, peer);
    const outcome = await outcomes.run(conversationId, requestId, body({ conversationId, userId, peer }));
    relations.forget(userId, peer);
    const [row] = await store.contacts.get(userId, [peer]);
    return { row, outcome };
  }
}
