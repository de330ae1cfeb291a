import { AppError } from "@dunlin/runtime";
import type { Access } from "./access.js";
import type { CommandOutcomes } from "./command-outcomes.js";
import type { Outcome } from "./groups.js";
import { conversationIdOf } from "./ids.js";
import type { Relations } from "./relations.js";

export interface BlocksDeps {
  readonly access: Access;
  readonly relations: Relations;
  readonly outcomes: CommandOutcomes;
}

/** Accepts that a user keeps another one away, and that no longer. Both can be repeated. */
export class Blocks {
  constructor(private readonly deps: BlocksDeps) {}

  /** @throws AppError BAD_REQUEST (oneself), PEER_NOT_FOUND, LIST_FULL, QUEUE_FULL, UNAVAILABLE */
  async set(userId: string, peer: string, blocked: boolean, requestId: string): Promise<Outcome> {
    const { access, relations, outcomes } = this.deps;
    if (userId === peer) throw new AppError("BAD_REQUEST", "one cannot block oneself", { details: { field: "user" } });
    if (blocked && (await access.missingUsers([peer])).length > 0) throw new AppError("PEER_NOT_FOUND");
    const conversationId = conversationIdOf(userId, peer);
    const value = { conversationId, userId, peer, blocked };
    const outcome = await outcomes.run(conversationId, requestId, { $case: "setBlock", value });
    relations.forget(userId, peer);
    return outcome;
  }
}
