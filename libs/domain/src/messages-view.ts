import type { MessageRow, ReactionSummary } from "@dunlin/engines/store";
import { messageText } from "./frames.js";
import type { RequestStore } from "./guarded-store.js";

/** Messages as JSON text, as HTTP shows them to one user: with their reactions. One look-up whatever their number. */
export const messageTexts = async (
  store: Pick<RequestStore, "annotations">,
  userId: string,
  rows: readonly MessageRow[],
): Promise<string[]> => {
  if (rows.length === 0) return [];
  const reactions = new Map<string, ReactionSummary[]>();
  for (const reaction of await store.annotations.reactions(
    rows.map((row) => row.id),
    userId,
  )) {
    const those = reactions.get(reaction.messageId);
    if (those) those.push(reaction);
    else reactions.set(reaction.messageId, [reaction]);
  }
  return rows.map((row) => {
    const text = messageText(row);
    const those = reactions.get(row.id);
    if (!those) return text;
    return `${text.slice(0, -1)},"reactions":${JSON.stringify(those.map(({ emoji, count, mine }) => ({ emoji, count, mine })))}}`;
  });
};
