import type { Message, Payload, Reaction } from "./messages.js";
import type { Entry } from "./supergroups.js";
import type { Update } from "./updates.js";

/** Which message a change is about. */
interface Changed {
  id: string;
  conversation_id: string;
  /** The message's place in its conversation. */
  seq: number;
}

/** What became of a message, from one's own log or from a supergroup's. */
export type MessageChange = Changed &
  (
    | { type: "EDIT"; payload: Payload; edited_at?: number; recalled_at?: number }
    | { type: "RECALL"; by: string; recalled_at: number }
    | { type: "REACTION"; user_id: string; emoji: string; on: boolean; count: number }
    | { type: "PIN"; by: string; on: boolean }
    /** For oneself alone. */
    | { type: "DELETE" }
  );

const CHANGES: readonly string[] = ["EDIT", "RECALL", "REACTION", "PIN", "DELETE"];

/** The change that a frame tells of; undefined for other frames, and for an edit of a message that is gone. */
export const changeOf = (frame: Update | Entry): MessageChange | undefined => {
  if (!CHANGES.includes(frame.type) || typeof frame["id"] !== "string") return undefined;
  const { pts: _, message_seq, ...fields } = frame as Update & { message_seq?: unknown };
  // In a supergroup's log `seq` is the place of the entry, and the message's is named apart.
  return (typeof message_seq === "number" ? { ...fields, seq: message_seq } : fields) as unknown as MessageChange;
};

const reactionsAfter = (before: readonly Reaction[], change: MessageChange & { type: "REACTION" }, me: string): Reaction[] => {
  const { emoji, count, user_id, on } = change;
  const mine = user_id === me ? on : (before.find((reaction) => reaction.emoji === emoji)?.mine ?? false);
  if (count === 0) return before.filter((reaction) => reaction.emoji !== emoji);
  if (!before.some((reaction) => reaction.emoji === emoji)) return [...before, { emoji, count, mine }];
  return before.map((reaction) => (reaction.emoji === emoji ? { emoji, count, mine } : reaction));
};

/**
 * A message after a change; the same change again makes no difference. Undefined when it is gone from one's view.
 * @param me one's own user id
 */
export const afterChange = (message: Message, change: MessageChange, me: string): Message | undefined => {
  switch (change.type) {
    case "DELETE":
      return undefined;
    case "EDIT": {
      const { payload, edited_at, recalled_at } = change;
      return { ...message, payload, ...(edited_at !== undefined && { edited_at }), ...(recalled_at !== undefined && { recalled_at }) };
    }
    case "RECALL": {
      const { mentions: _, forwarded_from: __, reactions: ___, ...left } = message;
      return { ...left, payload: { msg_type: "recalled" }, recalled_at: change.recalled_at };
    }
    case "REACTION": {
      const reactions = reactionsAfter(message.reactions ?? [], change, me);
      const { reactions: _, ...bare } = message;
      return reactions.length > 0 ? { ...bare, reactions } : bare;
    }
    case "PIN":
      return message;
  }
};
