import type { DialogView, DialogViewChange } from "../port/index.js";
import { sortRows } from "./keys.js";
import type { Insertion, Merge, SqlValue, WriteStep } from "./session.js";

/** The column of each part of a view, and how it merges. */
const columnOf: { readonly [K in keyof DialogView]: readonly [string, Merge] } = {
  pinned: ["pinned", "set"],
  mutedUntil: ["muted_until", "set"],
  draft: ["draft", "set"],
  archived: ["archived", "set"],
  markedUnread: ["marked_unread", "set"],
  clearedSeq: ["cleared_seq", "max"],
  hidden: ["hidden", "set"],
  leftSeq: ["left_seq", "set"],
  leftTitle: ["left_title", "set"],
  leftAvatar: ["left_avatar", "set"],
};

/** A row that is not there is made with these. */
const made = ["user_id", "peer", "conversation_id", "kind", "top_seq", "unread", "unread_mentions", "updated_at"];

const sqlOf = (value: DialogView[keyof DialogView]): SqlValue => (typeof value === "boolean" ? Number(value) : value);

const partsOf = (change: DialogViewChange): (keyof DialogView)[] =>
  (Object.keys(columnOf) as (keyof DialogView)[]).filter((part) => change.view[part] !== undefined);

/** One step for all changes that name the same parts. */
export const dialogViewSteps = (changes: readonly DialogViewChange[]): WriteStep[] => {
  const byParts = new Map<string, DialogViewChange[]>();
  for (const change of changes) {
    const parts = partsOf(change).join();
    if (parts === "") continue;
    const alike = byParts.get(parts);
    if (alike) alike.push(change);
    else byParts.set(parts, [change]);
  }
  // Users and their dialogs are this transaction's (the mailbox is locked), so the steps may come in any one order.
  return [...byParts.keys()].sort().map((parts) => {
    const alike = byParts.get(parts) as DialogViewChange[];
    const columns = partsOf(alike[0] as DialogViewChange);
    const insert: Insertion = {
      table: "dialogs",
      columns: [...made, ...columns.map((part) => columnOf[part][0])],
      key: ["user_id", "peer"],
      existing: Object.fromEntries(columns.map((part) => columnOf[part])),
    };
    const rowOf = ({ userId, peer, conversationId, kind, view }: DialogViewChange): SqlValue[] => [
      userId,
      peer,
      conversationId,
      kind,
      0,
      0,
      0,
      0,
      ...columns.map((part) => sqlOf(view[part] as DialogView[keyof DialogView])),
    ];
    return { insert, rows: () => sortRows(alike.map(rowOf), 2) };
  });
};
