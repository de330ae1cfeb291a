import { FORMER_MEMBERS_MAX, type Ingest, type IngestTransaction, type MemberRole } from "../port/index.js";
import { annotationReads } from "./annotations.js";
import { contactOf, contactSelection, refusalsOn, relationsOn } from "./contacts.js";
import type { SqlContext } from "./context.js";
import { dialogSelection } from "./dialog-rows.js";
import { retryAborted } from "./errors.js";
import { groupReads } from "./groups.js";
import { claimOffsets, stepsOf } from "./ingest-writes.js";
import { distinctKeys } from "./keys.js";
import { sentSelection } from "./messages.js";
import { privacyOn } from "./privacy.js";
import {
  conversationColumns,
  conversationOf,
  dialogOf,
  memberColumns,
  memberOf,
  membersOf,
  numberOf,
  sentOf,
  textOf,
  userColumns,
  userOf,
} from "./rows.js";
import { scheduledReads } from "./scheduled.js";
import { type Row, type Selection, type Session, type WriteStep, withSession } from "./session.js";
import { supergroupReads } from "./supergroup-changes.js";

const offsets: Selection = {
  table: "consumer_offsets",
  columns: ["partition_no", "next_offset", "batch_begin"],
  key: ["topic", "partition_no"],
};

const leading: readonly MemberRole[] = ["owner", "admin"];

const ingestOn = (session: Session, written: WriteStep[]): IngestTransaction => ({
  ...annotationReads(session),
  ...scheduledReads(session),
  ...supergroupReads(session),

  async lockOffsets(topic, partitions) {
    const keys = distinctKeys(partitions.map((partition) => [topic, partition]));
    const locking = { ...offsets, lock: true };
    const lock = (): Promise<Row[]> => session.select(locking, keys);
    let rows = await lock();
    if (rows.length < keys.length) {
      // A row that is not there cannot be locked, and two consumers of a new partition must not both find it free: put an
      // empty one there first (the second waits for it).
      await session.write([{ insert: claimOffsets, rows: () => keys.map((key) => [...key, null, 0]) }]);
      rows = await lock();
    }
    return new Map(rows.filter((row) => row.next_offset !== null).map((row) => [numberOf(row.partition_no), numberOf(row.next_offset)]));
  },

  async sent(keys) {
    const distinct = distinctKeys(keys.map((key) => [key.senderId, key.clientMsgId]));
    return (await session.select(sentSelection, distinct)).map(sentOf);
  },

  async lockConversations(ids) {
    const keys = distinctKeys(ids.map((id) => [id]));
    const rows = await session.select({ table: "conversations", columns: conversationColumns, key: ["id"], lock: true }, keys);
    return new Map(rows.map((row) => [textOf(row.id), conversationOf(row)]));
  },

  async members(conversationIds) {
    const keys = distinctKeys(conversationIds.map((id) => [id]));
    return membersOf(await session.select({ table: "members", columns: memberColumns, key: ["conversation_id"] }, keys));
  },

  ...groupReads(session),
  async membersAt(keys) {
    const distinct = distinctKeys(keys.map((key) => [key.conversationId, key.userId]));
    const rows = await session.select({ table: "members", columns: memberColumns, key: ["conversation_id", "user_id"] }, distinct);
    return rows.map(memberOf);
  },

  async leaders(conversationIds) {
    const keys = distinctKeys(conversationIds.flatMap((id) => leading.map((role) => [id, role])));
    const rows = await session.select({ table: "members", columns: memberColumns, key: ["conversation_id", "role"] }, keys);
    return rows.map(memberOf);
  },

  async lockMailboxes(userIds) {
    const keys = distinctKeys(userIds.map((id) => [id]));
    const rows = await session.select({ table: "mailboxes", columns: ["user_id", "pts"], key: ["user_id"], lock: true }, keys);
    return new Map(rows.map((row) => [textOf(row.user_id), numberOf(row.pts)]));
  },

  async dialogs(keys) {
    const distinct = distinctKeys(keys.map((key) => [key.userId, key.peer]));
    return (await session.select(dialogSelection, distinct)).map(dialogOf);
  },

  async contacts(keys) {
    const distinct = distinctKeys(keys.map((key) => [key.userId, key.peer]));
    return (await session.select(contactSelection, distinct)).map(contactOf);
  },

  contactRefusals: (keys) => refusalsOn(session, keys),

  async contactsOf(userIds) {
    const keys = distinctKeys(userIds.map((id) => [id, "contact"]));
    return (await session.select({ ...contactSelection, key: ["user_id", "state"] }, keys)).map(contactOf);
  },

  relations: (conversationIds) => relationsOn(session, conversationIds),

  privacy: (userIds) => privacyOn(session, userIds),

  async users(userIds) {
    const keys = distinctKeys(userIds.map((id) => [id]));
    return (await session.select({ table: "users", columns: userColumns, key: ["id"] }, keys)).map(userOf);
  },

  async contactCounts(userId) {
    const { rows } = await session.run(
      `select state, count(*) as many from contacts where user_id = ? group by state
       union all select 'blocks', count(*) from blocks where user_id = ?`,
      [userId, userId],
    );
    const many = new Map(rows.map((row) => [textOf(row.state), numberOf(row.many)]));
    const of = (kind: string): number => many.get(kind) ?? 0;
    return { contact: of("contact"), incoming: of("incoming"), outgoing: of("outgoing"), blocks: of("blocks") };
  },

  async pinnedDialogs(userIds) {
    if (userIds.length === 0) return [];
    const marks = userIds.map(() => "?").join(",");
    const { rows } = await session.run(`select user_id, peer, pinned from dialogs where pinned > 0 and user_id in (${marks})`, userIds);
    return rows.map((row) => ({ userId: textOf(row.user_id), peer: textOf(row.peer), pinned: numberOf(row.pinned) }));
  },

  async formerMembers(groupIds) {
    if (groupIds.length === 0) return [];
    const marks = groupIds.map(() => "?").join(",");
    const { rows } = await session.run(
      `select user_id, peer, cleared_seq, left_seq from (
         select user_id, peer, cleared_seq, left_seq, row_number() over (partition by peer order by left_seq desc, user_id) as place
         from dialogs where peer in (${marks}) and left_seq > cleared_seq
       ) f where place <= ${FORMER_MEMBERS_MAX}`,
      groupIds,
    );
    return rows.map((row) => ({
      conversationId: textOf(row.peer),
      userId: textOf(row.user_id),
      clearedSeq: numberOf(row.cleared_seq),
      leftSeq: numberOf(row.left_seq),
    }));
  },

  async countUnread(conversationId, userId, afterSeq, upToSeq) {
    const { rows } = await session.run(
      `select count(*) as unread, sum(case when instr(mentions, ?) > 0 or instr(mentions, '"@all"') > 0 then 1 else 0 end) as mentions
       from messages m where conversation_id = ? and seq > ? and seq <= ? and sender_id <> ? and recalled_at is null
       and not exists (select 1 from hidden_messages h where h.user_id = ? and h.conversation_id = m.conversation_id and h.seq = m.seq)`,
      [JSON.stringify(userId), conversationId, afterSeq, upToSeq, userId, userId],
    );
    return { unread: numberOf(rows[0]?.unread ?? 0), mentions: numberOf(rows[0]?.mentions ?? 0) };
  },

  write: (changes) => {
    written.push(...stepsOf(changes));
  },
});

export const createIngest = ({ reads, writes }: SqlContext): Ingest => ({
  transaction: (work) =>
    retryAborted(() =>
      withSession(writes, async (session) => {
        const written: WriteStep[] = [];
        session.begin();
        try {
          const result = await work(ingestOn(session, written));
          await session.commit(written);
          return result;
        } catch (error) {
          await session.rollback();
          throw error;
        }
      }),
    ),

  async offsets(topic, partitions) {
    const keys = distinctKeys(partitions.map((partition) => [topic, partition]));
    const rows = await withSession(reads, (session) => session.select(offsets, keys));
    return new Map(
      rows
        .filter((row) => row.next_offset !== null)
        .map((row) => [numberOf(row.partition_no), { nextOffset: numberOf(row.next_offset), batchBegin: numberOf(row.batch_begin) }]),
    );
  },
});
