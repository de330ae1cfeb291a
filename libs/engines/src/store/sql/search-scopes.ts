import type { SearchScope } from "../port/index.js";
import type { SqlContext } from "./context.js";
import { pairId } from "./pairs.js";
import { numberOf, textOf } from "./rows.js";

const TO_THE_END = Number.MAX_SAFE_INTEGER;

/** What a user may see, by the same rules as histories: since joining, not deleted, and for who has left, until then. */
export const searchScopes = async ({ readDb }: SqlContext, userId: string, limit: number): Promise<SearchScope[]> => {
  const rows = await readDb
    .selectFrom("dialogs as d")
    .leftJoin("conversations as c", "c.id", "d.peer")
    .leftJoin("members as m", (join) => join.onRef("m.conversation_id", "=", "d.peer").onRef("m.user_id", "=", "d.user_id"))
    .select(["d.peer", "d.kind", "d.cleared_seq", "d.left_seq", "m.joined_seq", "c.origin_id", "c.origin_seq", "c.successor_id"])
    .where("d.user_id", "=", userId)
    .orderBy("d.updated_at", "desc")
    .limit(limit)
    .execute();
  return rows.flatMap((row): SearchScope[] => {
    const peer = textOf(row.peer);
    const kind = row.kind === null ? "user" : textOf(row.kind);
    const cleared = numberOf(row.cleared_seq);
    if (kind === "user") {
      const conversationId = pairId(userId, peer);
      return [{ conversationId, shownAs: conversationId, peer, kind, afterSeq: cleared, upToSeq: TO_THE_END }];
    }
    if (kind !== "group" && kind !== "supergroup") return [];
    const scope = { conversationId: peer, shownAs: peer, peer, kind } as const;
    let afterSeq = cleared;
    let upToSeq = TO_THE_END;
    if (row.joined_seq !== null) {
      // The group goes on as a supergroup, which shows these messages.
      if (row.successor_id !== null) return [];
      afterSeq = Math.max(cleared, numberOf(row.joined_seq));
    } else if (row.left_seq !== null) upToSeq = numberOf(row.left_seq);
    else return [];
    const origin = row.origin_id === null ? undefined : { id: textOf(row.origin_id), seq: numberOf(row.origin_seq) };
    return [
      { ...scope, afterSeq, upToSeq },
      ...(origin && origin.seq > afterSeq
        ? [{ ...scope, conversationId: origin.id, afterSeq, upToSeq: Math.min(upToSeq, origin.seq) }]
        : []),
    ];
  });
};
