import type {
  AnnotationChanges,
  AnnotationReads,
  Annotations,
  EditRow,
  HiddenPlace,
  MessageRow,
  PinRow,
  ReactionCount,
} from "../port/index.js";
import type { SqlContext } from "./context.js";
import { distinctKeys, messageIdKeys, sortRows } from "./keys.js";
import { Origins } from "./origins.js";
import { messageColumns, messageOf, numberOf, textOf } from "./rows.js";
import {
  type Change,
  type Insertion,
  type Row,
  type Selection,
  type Session,
  type SqlValue,
  type WriteStep,
  withSession,
} from "./session.js";

const editColumns = ["message_id", "edit_no", "payload", "written_at", "replaced_at"];
const hiddenKey = ["user_id", "conversation_id", "seq"];
const reactionKey = ["message_id", "user_id", "emoji"];
const countColumns = ["message_id", "emoji", "total", "first_at"];
const pinColumns = ["conversation_id", "seq", "message_id", "pinned_by", "pinned_at"];

const selectEdits: Selection = { table: "message_edits", columns: editColumns, key: ["message_id"] };
const selectHidden: Selection = { table: "hidden_messages", columns: hiddenKey, key: hiddenKey };
const selectReactions: Selection = { table: "reactions", columns: reactionKey, key: reactionKey };
const selectOwnReactions: Selection = { table: "reactions", columns: reactionKey, key: ["message_id", "user_id"] };
const selectCounts: Selection = { table: "reaction_counts", columns: countColumns, key: ["message_id"] };
const selectPins: Selection = { table: "pins", columns: pinColumns, key: ["conversation_id"] };
const selectMessages: Selection = { table: "messages", columns: messageColumns, key: ["id"] };

const editOf = (row: Row): EditRow => ({
  messageId: textOf(row.message_id),
  no: numberOf(row.edit_no),
  payload: textOf(row.payload),
  writtenAt: numberOf(row.written_at),
  replacedAt: numberOf(row.replaced_at),
});

const hiddenOf = (row: Row): HiddenPlace => ({
  userId: textOf(row.user_id),
  conversationId: textOf(row.conversation_id),
  seq: numberOf(row.seq),
});

const reactionOf = (row: Row) => ({ messageId: textOf(row.message_id), userId: textOf(row.user_id), emoji: textOf(row.emoji) });

const countOf = (row: Row): ReactionCount => ({
  messageId: textOf(row.message_id),
  emoji: textOf(row.emoji),
  count: numberOf(row.total),
  firstAt: numberOf(row.first_at),
});

const pinOf = (row: Row): PinRow => ({
  conversationId: textOf(row.conversation_id),
  seq: numberOf(row.seq),
  messageId: textOf(row.message_id),
  pinnedBy: textOf(row.pinned_by),
  pinnedAt: numberOf(row.pinned_at),
});

const byFirst = (a: ReactionCount, b: ReactionCount): number =>
  a.firstAt - b.firstAt || (a.emoji < b.emoji ? -1 : a.emoji > b.emoji ? 1 : 0);

const placeKeys = (places: readonly HiddenPlace[]): SqlValue[][] =>
  distinctKeys(places.map((place) => [place.userId, place.conversationId, place.seq]));

export const createAnnotations = ({ reads }: SqlContext): Annotations => {
  const origins = new Origins(reads);
  return {
    async edits(messageId) {
      const rows = await withSession(reads, (session) => session.select(selectEdits, messageIdKeys([messageId])));
      return rows.map(editOf).sort((a, b) => a.no - b.no);
    },

    async reactions(messageIds, viewer) {
      const keys = messageIdKeys(messageIds);
      if (keys.length === 0) return [];
      const [counts, own] = await withSession(reads, (session) =>
        Promise.all([
          session.select(selectCounts, keys),
          session.select(
            selectOwnReactions,
            keys.map((key) => [...key, viewer]),
          ),
        ]),
      );
      const mine = new Set(own.map(reactionOf).map((reaction) => `${reaction.messageId} ${reaction.emoji}`));
      return counts
        .map(countOf)
        .sort(byFirst)
        .map((count) => ({ ...count, mine: mine.has(`${count.messageId} ${count.emoji}`) }));
    },

    async pinned(conversationId) {
      const rows = await withSession(reads, (session) => session.select(selectPins, [[conversationId]]));
      return rows.map(pinOf).sort((a, b) => b.pinnedAt - a.pinnedAt || b.seq - a.seq);
    },

    async hidden(places) {
      const origin = await origins.of([...new Set(places.map((place) => place.conversationId))]);
      // Of a supergroup that was a group, the group's messages are hidden where they lie.
      const shownIn = new Map<string, string>();
      const lying = places.map((place) => {
        const from = origin.get(place.conversationId);
        if (from === undefined || place.seq > from.seq) return place;
        shownIn.set(from.conversationId, place.conversationId);
        return { ...place, conversationId: from.conversationId };
      });
      const rows = await withSession(reads, (session) => session.select(selectHidden, placeKeys(lying)));
      return rows.map(hiddenOf).map((place) => ({ ...place, conversationId: shownIn.get(place.conversationId) ?? place.conversationId }));
    },
  };
};

export const annotationReads = (session: Session): AnnotationReads => ({
  async messages(ids) {
    return (await session.select(selectMessages, messageIdKeys(ids))).map(messageOf);
  },

  async hidden(places) {
    return (await session.select(selectHidden, placeKeys(places))).map(hiddenOf);
  },

  async reactions(keys) {
    const distinct = distinctKeys(keys.map((key) => [key.messageId, key.userId, key.emoji]));
    const rows = await session.select(
      selectReactions,
      distinct.map(([id, ...rest]) => [BigInt(id as string), ...rest]),
    );
    return rows.map(reactionOf);
  },

  async reactionCounts(messageIds) {
    return (await session.select(selectCounts, messageIdKeys(messageIds))).map(countOf).sort(byFirst);
  },

  async pins(conversationIds) {
    return (await session.select(selectPins, distinctKeys(conversationIds.map((id) => [id])))).map(pinOf);
  },

  async authors(conversationId, afterSeq, upToSeq) {
    const { rows } = await session.run("select distinct sender_id from messages where conversation_id = ? and seq > ? and seq <= ?", [
      conversationId,
      afterSeq,
      upToSeq,
    ]);
    return rows.map((row) => textOf(row.sender_id));
  },
});

const changeMessages: Change = {
  table: "messages",
  columns: ["payload", "mentions", "forwarded_from", "edits", "edited_at", "recalled_at"],
  key: ["conversation_id", "seq"],
};
const insertEdits: Insertion = { table: "message_edits", columns: editColumns, key: ["message_id", "edit_no"], existing: "fail" };
const insertHidden: Insertion = { table: "hidden_messages", columns: [...hiddenKey, "hidden_at"], key: hiddenKey, existing: "ignore" };
const insertReactions: Insertion = {
  table: "reactions",
  columns: [...reactionKey, "reacted_at"],
  key: reactionKey,
  existing: "ignore",
};
const insertCounts: Insertion = {
  table: "reaction_counts",
  columns: countColumns,
  key: ["message_id", "emoji"],
  existing: { total: "set", first_at: "set" },
};
const insertPins: Insertion = { table: "pins", columns: pinColumns, key: ["conversation_id", "seq"], existing: "ignore" };

/**
 * All of it belongs to conversations that the batch has locked: the order matters only within a table. `added`: messages
 * that were stored in this batch and have changed since.
 */
export const annotationSteps = (changes: AnnotationChanges, added: readonly MessageRow[]): WriteStep[] => {
  const put = <T>(insert: Insertion, items: readonly T[], rowOf: (item: T) => SqlValue[]): WriteStep => ({
    insert,
    rows: () => sortRows(items.map(rowOf), insert.key.length),
  });
  const remove = <T>(table: string, key: readonly string[], items: readonly T[], keyOf: (item: T) => SqlValue[]): WriteStep => ({
    remove: { table, key },
    keys: () => sortRows(items.map(keyOf), key.length),
  });
  const cleared = messageIdKeys(changes.cleared);
  return [
    {
      change: changeMessages,
      rows: () =>
        [...added, ...changes.messages]
          .sort((a, b) => (a.conversationId < b.conversationId ? -1 : a.conversationId > b.conversationId ? 1 : a.seq - b.seq))
          .map((m) => [m.payload, m.mentions, m.forwardedFrom, m.edits, m.editedAt, m.recalledAt, m.conversationId, m.seq]),
    },
    ...["message_edits", "reactions", "reaction_counts"].map((table) => remove(table, ["message_id"], cleared, (key) => [...key])),
    put(insertEdits, changes.edits, (e) => [BigInt(e.messageId), e.no, e.payload, e.writtenAt, e.replacedAt]),
    put(insertHidden, changes.hidden, (h) => [h.userId, h.conversationId, h.seq, h.at]),
    remove("reactions", reactionKey, changes.reactionsRemoved, (r) => [BigInt(r.messageId), r.userId, r.emoji]),
    put(insertReactions, changes.reactionsAdded, (r) => [BigInt(r.messageId), r.userId, r.emoji, r.at]),
    remove(
      "reaction_counts",
      ["message_id", "emoji"],
      changes.reactionCounts.filter((c) => c.count === 0),
      (c) => [BigInt(c.messageId), c.emoji],
    ),
    put(
      insertCounts,
      changes.reactionCounts.filter((c) => c.count > 0),
      (c) => [BigInt(c.messageId), c.emoji, c.count, c.firstAt],
    ),
    remove("pins", ["conversation_id", "seq"], changes.pinsRemoved, (p) => [p.conversationId, p.seq]),
    put(insertPins, changes.pinsAdded, (p) => [p.conversationId, p.seq, BigInt(p.messageId), p.pinnedBy, p.pinnedAt]),
  ];
};
