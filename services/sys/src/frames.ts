import { messageText, updateText } from "@dunlin/domain";
import type { MessageRow, Store, UpdateWithMessage } from "@dunlin/engines/store";
import type { sys } from "@dunlin/proto";

/** An answer holds at most about this many bytes of frames, so that it stays below the 4 MiB a gRPC client accepts. */
const ANSWER_BYTES = 3 * 1024 * 1024;

/** The longest beginning of `items` whose texts fit into one answer, at least one item. */
export const fitting = <T>(items: readonly T[], text: (item: T) => string): string[] => {
  const texts: string[] = [];
  let bytes = 0;
  for (const item of items) {
    const one = text(item);
    bytes += Buffer.byteLength(one);
    if (bytes > ANSWER_BYTES && texts.length > 0) break;
    texts.push(one);
  }
  return texts;
};

/** A user's updates after `pts` as frames. Called for every connect and every hole: one read of the store, no more. */
export const difference = async (
  store: Pick<Store, "updates">,
  userId: string,
  pts: number,
  limit: number,
): Promise<sys.GetDifferenceResponse> => {
  const found = await store.updates.difference(userId, pts, limit);
  if (found.tooLong || found.updates.length === 0) {
    return { updates: [], pts: found.pts, hasMore: !found.tooLong && found.hasMore, tooLong: found.tooLong };
  }
  const texts = fitting<UpdateWithMessage>(found.updates, updateText);
  return {
    updates: texts.map((json, i) => ({ pts: (found.updates[i] as UpdateWithMessage).pts, json })),
    pts: found.pts,
    hasMore: found.hasMore || texts.length < found.updates.length,
    tooLong: false,
  };
};

/** Messages as JSON text, ascending; those that do not fit are left off at the far end of the direction of reading. */
export const historyTexts = (
  messages: readonly MessageRow[],
  limit: number,
  forward: boolean,
): { messages: string[]; hasMore: boolean } => {
  const nearest = forward ? messages : [...messages].reverse();
  const texts = fitting(nearest.slice(0, limit), messageText);
  return { messages: forward ? texts : texts.reverse(), hasMore: texts.length < messages.length };
};
