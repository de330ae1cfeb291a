import { MARK_ALL, MARK_RECALLED, type SupergroupChanges, type SupergroupMark, type SupergroupReads } from "../port/index.js";
import { sortRows } from "./keys.js";
import { numberOf, textOf } from "./rows.js";
import type { Insertion, Row, Session, WriteStep } from "./session.js";

const markKey = ["conversation_id", "mark", "seq"];
const insertMarks: Insertion = {
  table: "supergroup_marks",
  columns: [...markKey, "sender_id", "lies_in"],
  key: markKey,
  existing: "ignore",
};
const readKey = ["conversation_id", "user_id"];
const insertReads: Insertion = {
  table: "supergroup_reads",
  columns: [...readKey, "read_seq", "joined_seq"],
  key: readKey,
  existing: { read_seq: "set", joined_seq: "set" },
};

const markOf = (row: Row): SupergroupMark => ({
  conversationId: textOf(row.conversation_id),
  mark: textOf(row.mark),
  seq: numberOf(row.seq),
  senderId: textOf(row.sender_id),
  liesIn: textOf(row.lies_in),
});

export const supergroupReads = (session: Session): SupergroupReads => ({
  async supergroupMarks(conversationId, userId, afterSeq) {
    // One range of the primary key for each kind of mark.
    const { rows } = await session.run(
      `select conversation_id, mark, seq, sender_id, lies_in from supergroup_marks k
       where conversation_id = ? and mark in (?, ?, ?) and seq > ? and sender_id <> ?
       and not exists (select 1 from hidden_messages h where h.user_id = ? and h.conversation_id = k.lies_in and h.seq = k.seq)`,
      [conversationId, MARK_ALL, MARK_RECALLED, userId, afterSeq, userId, userId],
    );
    return rows.map(markOf);
  },

  async mentioning(conversationId, afterSeq) {
    const { rows } = await session.run(
      `select seq, sender_id, mentions from messages
       where conversation_id = ? and seq > ? and mentions is not null and recalled_at is null`,
      [conversationId, afterSeq],
    );
    return rows.map((row) => ({ seq: numberOf(row.seq), from: textOf(row.sender_id), mentions: textOf(row.mentions) }));
  },
});

/** All of it belongs to conversations that the batch has locked: the order matters only within a table. */
export const supergroupSteps = ({ marks, marksRemoved, reads, readsRemoved }: SupergroupChanges): WriteStep[] => [
  {
    remove: { table: "supergroup_marks", key: markKey },
    keys: () =>
      sortRows(
        marksRemoved.map((m) => [m.conversationId, m.mark, m.seq]),
        3,
      ),
  },
  {
    insert: insertMarks,
    rows: () =>
      sortRows(
        marks.map((m) => [m.conversationId, m.mark, m.seq, m.senderId, m.liesIn]),
        3,
      ),
  },
  {
    remove: { table: "supergroup_reads", key: readKey },
    keys: () =>
      sortRows(
        readsRemoved.map((r) => [r.conversationId, r.userId]),
        2,
      ),
  },
  {
    insert: insertReads,
    rows: () =>
      sortRows(
        reads.map((r) => [r.conversationId, r.userId, r.readSeq, r.joinedSeq]),
        2,
      ),
  },
];
