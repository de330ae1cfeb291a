import type { Cache } from "@dunlin/engines/cache";
import type { Access } from "./access.js";
import { conversationIdOf, isSupergroupId, isUserId } from "./ids.js";
import type { LiveGateways } from "./live-gateways.js";
import type { Relations } from "./relations.js";
import { publishSignal } from "./signals.js";

/** One signal of a sender in a conversation passes on in this time, ms. */
export const TYPING_EVERY_MS = 3_000;

export interface TypingDeps {
  readonly access: Access;
  readonly relations: Relations;
  readonly gateways: Pick<LiveGateways, "routes">;
  readonly cache: Pick<Cache, "reserve" | "publish">;
}

/** Tells peers who are connected that somebody writes. Nothing of it is kept. */
export class Typing {
  constructor(private readonly deps: TypingDeps) {}

  /**
   * Shows it to the peer, or to the other members of a group. More than one in three seconds is dropped, and so is one
   * in a supergroup: its members are too many to be told who writes.
   * Who may not write is refused as a message would be.
   * @throws AppError PEER_NOT_FOUND, NOT_A_MEMBER, PEER_REFUSES, MUTED, GROUP_MUTED, GROUP_DISSOLVED, UNAVAILABLE
   */
  async tell(userId: string, peer: string): Promise<void> {
    const { access, relations, cache, gateways } = this.deps;
    await access.checkSend(userId, peer);
    await relations.checkMessage(userId, peer);
    if (isSupergroupId(peer) || peer === userId) return;
    const conversationId = conversationIdOf(userId, peer);
    if ((await cache.reserve(`typing:${userId}:${conversationId}`, "1", TYPING_EVERY_MS)) !== undefined) return;
    const toUser = isUserId(peer);
    const others = toUser ? [peer] : (await access.members(userId, peer)).map((member) => member.userId).filter((id) => id !== userId);
    const bySlot = new Map<number, string[]>();
    for (const [other, routes] of await gateways.routes(others)) {
      for (const slot of new Set(routes.map((route) => route.slot))) {
        const there = bySlot.get(slot);
        if (there) there.push(other);
        else bySlot.set(slot, [other]);
      }
    }
    // Whom the dialog is with, as the others have it.
    const frame = JSON.stringify({ type: "TYPING", conversation_id: conversationId, peer: toUser ? userId : peer, from: userId });
    await Promise.all([...bySlot].map(([slot, to]) => publishSignal(cache, slot, { kind: "show", to, frame })));
  }
}
