/** The conversation of two users: both ids in order, joined by "_". It has no rows in `members`. */
export const pairId = (a: string, b: string): string => (a < b ? `${a}_${b}` : `${b}_${a}`);

/** The two users of such a conversation, undefined for any other one ("S_…" is a user's system conversation). */
export const pairOf = (conversationId: string): [string, string] | undefined => {
  const [a, b, ...more] = conversationId.split("_");
  return a && b && more.length === 0 && a.length > 1 ? [a, b] : undefined;
};
