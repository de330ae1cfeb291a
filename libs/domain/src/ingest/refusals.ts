import { refuses } from "../relation.js";
import type { Draft } from "./draft.js";
import type { Needs } from "./rule.js";

/** Whether `to` takes no messages of `from`, as of this point in the log. Needs the privacy of `to`. */
export const refusesMessages = (draft: Draft, from: string, to: string): boolean =>
  refuses("messages", draft.relation(from, to), draft.people.privacy(to));

/** Whether `userId` does not let `actor` bring it into a group. Needs the relation of the two and the privacy of `userId`. */
export const refusesToBeAdded = (draft: Draft, actor: string, userId: string): boolean =>
  actor !== userId && refuses("groups", draft.relation(actor, userId), draft.people.privacy(userId));

/** What `refusesToBeAdded` looks at. */
export const needAdding = (needs: Needs, actor: string, userIds: readonly string[]): void => {
  needs.people.relation(actor, userIds);
  needs.people.privacy(...userIds);
};
