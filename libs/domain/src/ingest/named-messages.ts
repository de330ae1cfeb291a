import type { FormerMember, HiddenPlace, IngestTransaction, MemberRow, MessageRow, ReactionKey } from "@dunlin/engines/store";
import { pairOf } from "../ids.js";
import type { LoadedAnnotations } from "./annotation-draft.js";

/** What a batch has to know of messages that its commands name. */
export class NamedNeeds {
  readonly messages = new Set<string>();
  /** Message → for whom to look whether it was deleted, and how far they have read: one user, or "all" of the conversation. */
  readonly views = new Map<string, Set<string> | "all">();
  readonly reactions: ReactionKey[] = [];
  readonly pins = new Set<string>();
  /** Conversations in which something changes that those who have left may still see. */
  readonly audiences = new Set<string>();

  message(id: string): void {
    this.messages.add(id);
  }

  /** A message, and what it is to a user, or to everybody in its conversation: whether it counts as unread there. */
  view(id: string, userId: string | "all"): void {
    this.messages.add(id);
    const views = this.views.get(id);
    if (userId === "all") this.views.set(id, "all");
    else if (views === undefined) this.views.set(id, new Set([userId]));
    else if (views !== "all") views.add(userId);
  }

  /** A message, all its counts of reactions, and whether this one is there. */
  reaction(key: ReactionKey): void {
    this.messages.add(key.messageId);
    this.reactions.push(key);
  }

  /** Whoever can see a message there, members or not any more. */
  audience(conversationId: string): void {
    this.audiences.add(conversationId);
  }

  /** The pinned messages of a conversation. */
  pinned(conversationId: string): void {
    this.pins.add(conversationId);
  }
}

/** Issues its reads before it waits for the first: they travel with those around them. */
export const loadNamed = async (tx: IngestTransaction, needs: NamedNeeds): Promise<Omit<LoadedAnnotations, "hidden">> => {
  const [messages, reactions, reactionCounts, pins] = await Promise.all([
    needs.messages.size > 0 ? tx.messages([...needs.messages]) : [],
    needs.reactions.length > 0 ? tx.reactions(needs.reactions) : [],
    needs.reactions.length > 0 ? tx.reactionCounts(needs.reactions.map((key) => key.messageId)) : [],
    needs.pins.size > 0 ? tx.pins([...needs.pins]) : [],
  ]);
  return { messages, reactions, reactionCounts, pins };
};

interface View extends HiddenPlace {
  readonly peer: string;
}

/**
 * The users' views of messages that the batch asks for; those of members who joined later are left out, they have none.
 * Views of a supergroup are asked for by user, and their dialogs by themselves.
 */
export const viewsOf = (
  needs: NamedNeeds,
  messages: readonly MessageRow[],
  members: readonly MemberRow[],
  formers: readonly FormerMember[],
): View[] => {
  const views: View[] = [];
  for (const { id, conversationId, seq } of messages) {
    const viewers = needs.views.get(id);
    if (viewers === undefined) continue;
    const pair = pairOf(conversationId);
    if (!pair && viewers !== "all" && !members.some((m) => m.conversationId === conversationId)) {
      for (const userId of viewers) views.push({ userId, conversationId, seq, peer: conversationId });
      continue;
    }
    const there = pair ?? [
      ...members.filter((m) => m.conversationId === conversationId && m.joinedSeq < seq).map((m) => m.userId),
      ...formers.filter((f) => f.conversationId === conversationId && f.clearedSeq < seq && seq <= f.leftSeq).map((f) => f.userId),
    ];
    for (const userId of there) {
      if (viewers !== "all" && !viewers.has(userId)) continue;
      views.push({ userId, conversationId, seq, peer: pair ? (pair[0] === userId ? pair[1] : pair[0]) : conversationId });
    }
  }
  return views;
};
