import {
  type ConversationMove,
  type ConversationRow,
  type DialogChange,
  type Ingest,
  type IngestChanges,
  type IngestTransaction,
  type MemberRole,
  type MessageRow,
  noAnnotations,
  noSupergroupChanges,
  type SupergroupState,
} from "../port/index.js";
import { annotationReads, annotationSteps } from "./annotations.js";
import { contactOf, contactSelection, insertBlocks, insertContacts, insertRefusals, refusalsOn, relationsOn } from "./contacts.js";
import type { SqlContext } from "./context.js";
import { dialogSelection } from "./dialog-rows.js";
import { dialogViewSteps } from "./dialog-views.js";
import { insertDnd } from "./dnd.js";
import { retryAborted } from "./errors.js";
import { fileSteps } from "./files.js";
import { groupReads, groupSteps } from "./groups.js";
import { distinctKeys, sortRows } from "./keys.js";
import { sentSelection } from "./messages.js";
import { pairId } from "./pairs.js";
import { insertPrivacy, privacyOn } from "./privacy.js";
import {
  conversationColumns,
  conversationOf,
  dialogOf,
  groupColumns,
  memberColumns,
  memberOf,
  membersOf,
  newMessageColumns,
  numberOf,
  sentOf,
  supergroupColumns,
  textOf,
  userColumns,
  userOf,
} from "./rows.js";
import { insertScheduled, scheduledReads, scheduledValues } from "./scheduled.js";
import { searchSteps } from "./search-notes.js";
import {
  type Insertion,
  type Merge,
  type Row,
  type Selection,
  type Session,
  type SqlValue,
  type WriteStep,
  withSession,
} from "./session.js";
import { supergroupReads, supergroupSteps } from "./supergroup-changes.js";

const offsets: Selection = {
  table: "consumer_offsets",
  columns: ["partition_no", "next_offset", "batch_begin"],
  key: ["topic", "partition_no"],
};
const offsetColumns = ["topic", "partition_no", "next_offset", "batch_begin"] as const;
const offsetKey = ["topic", "partition_no"];

const insertOffsets: Insertion = {
  table: "consumer_offsets",
  columns: offsetColumns,
  key: offsetKey,
  existing: { next_offset: "set", batch_begin: "set" },
};
const claimOffsets: Insertion = { ...insertOffsets, existing: "ignore" };
const insertConversations: Insertion = {
  table: "conversations",
  columns: groupColumns,
  key: ["id"],
  existing: { kind: "set", last_seq: "set", title: "set", avatar: "set", owner_id: "set", successor_id: "set" },
};
const insertSupergroups: Insertion = {
  ...insertConversations,
  columns: [...groupColumns, ...supergroupColumns],
  existing: {
    ...(insertConversations.existing as Readonly<Record<string, Merge>>),
    member_count: "set",
    message_count: "set",
    top_seq: "set",
    active_at: "set",
  },
};
/** Conversations that cannot have a title, a picture or an owner: the most common kind, written with fewer columns. */
const insertPlainConversations: Insertion = {
  table: "conversations",
  columns: ["id", "kind", "last_seq", "created_at", "relation"],
  key: ["id"],
  existing: { last_seq: "set", relation: "set" },
};
const insertMembers: Insertion = {
  table: "members",
  columns: memberColumns,
  key: ["conversation_id", "user_id"],
  existing: { role: "set", joined_seq: "set", joined_at: "set", muted_until: "set", last_sent_at: "set" },
};
const insertMailboxes: Insertion = {
  table: "mailboxes",
  columns: ["user_id", "pts"],
  key: ["user_id"],
  existing: { pts: "set" },
};
const insertMessages: Insertion = {
  table: "messages",
  columns: newMessageColumns,
  key: ["conversation_id", "seq"],
  existing: "fail",
};
/** Most messages are not forwarded. */
const insertForwarded: Insertion = { ...insertMessages, columns: [...newMessageColumns, "forwarded_from"] };
const messageValues = (m: MessageRow): SqlValue[] => [
  m.conversationId,
  m.seq,
  BigInt(m.id),
  m.type,
  m.from,
  m.to,
  m.clientMsgId,
  m.payload,
  m.mentions,
  m.replyTo,
  m.createdAt,
  m.serverTs,
  m.bodyHash,
];
/** What a message is stored with; what else it has is a change of it. */
const isChanged = (m: MessageRow): boolean => m.edits > 0 || m.recalledAt !== null;
const insertUpdates: Insertion = {
  table: "updates",
  columns: ["user_id", "pts", "type", "conversation_id", "seq", "created_at", "body"],
  key: ["user_id", "pts"],
  existing: "fail",
};
/** Most updates show a message and have no body. */
const insertMessageUpdates: Insertion = { ...insertUpdates, columns: insertUpdates.columns.slice(0, -1) };
/** Only who exists already is written: the columns that are not merged are there for the form. */
const insertProfiles: Insertion = {
  table: "users",
  columns: userColumns,
  key: ["id"],
  existing: { nickname: "set", avatar: "set", bio: "set" },
};
const dialogInsertion = (columns: readonly string[], counts: "add" | "set"): Insertion => ({
  table: "dialogs",
  columns: ["user_id", "peer", ...columns],
  key: ["user_id", "peer"],
  existing: {
    top_seq: "max",
    unread: counts,
    unread_mentions: counts,
    updated_at: "max",
    ...(columns.includes("read_seq") && { read_seq: "set" }),
    ...(columns.includes("read_count") && { read_count: counts }),
  },
});
const counted = ["top_seq", "unread", "unread_mentions", "updated_at"];
/** The dialogs of two users, most of all that is written: their conversation follows from them and is left out. */
const addToPairDialogs = dialogInsertion(counted, "add");
const addToDialogs = dialogInsertion([...counted, "conversation_id", "kind"], "add");
const readDialogs = dialogInsertion([...counted, "conversation_id", "kind", "read_seq"], "set");
const addToSupergroupDialogs = dialogInsertion([...counted, "conversation_id", "kind", "read_count"], "add");
const readSupergroupDialogs = dialogInsertion([...counted, "conversation_id", "kind", "read_seq", "read_count"], "set");
const insertSupergroupUpdates: Insertion = {
  table: "supergroup_updates",
  columns: ["conversation_id", "seq", "type", "body", "created_at", "message_seq"],
  key: ["conversation_id", "seq"],
  existing: "fail",
};

const isPair = (d: DialogChange): boolean => d.kind === "user" && d.conversationId === pairId(d.userId, d.peer);

const supergroupRow = (s: SupergroupState): SqlValue[] => [
  s.memberCount,
  s.messageCount,
  s.topSeq,
  s.activeAt,
  s.origin?.conversationId ?? null,
  s.origin?.seq ?? 0,
];

/** Writes one batch. Tables in one order, rows in the order of their keys: two writers never wait for each other in a ring. */
const stepsOf = (changes: IngestChanges): WriteStep[] => {
  const put = <T>(insert: Insertion, items: readonly T[], rowOf: (item: T) => SqlValue[]): WriteStep => ({
    insert,
    rows: () => sortRows(items.map(rowOf), insert.key.length),
  });
  const drop = (table: string, items: readonly { readonly userId: string; readonly peer: string }[]): WriteStep => ({
    remove: { table, key: ["user_id", "peer"] },
    keys: () =>
      sortRows(
        items.map((item) => [item.userId, item.peer]),
        2,
      ),
  });
  const isPlain = (c: ConversationRow): boolean =>
    c.title === "" && c.avatar === "" && c.ownerId === "" && (c.kind === "user" || c.kind === "system");
  const groupRow = (c: ConversationRow): SqlValue[] => [
    c.id,
    c.kind,
    c.lastSeq,
    c.title,
    c.avatar,
    c.ownerId,
    c.createdAt,
    c.successorId ?? null,
  ];
  return [
    put(insertOffsets, changes.offsets, (o) => [o.topic, o.partition, o.nextOffset, o.batchBegin]),
    put(
      insertPlainConversations,
      changes.conversations.filter((c) => isPlain(c)),
      (c) => [c.id, c.kind, c.lastSeq, c.createdAt, c.relation ?? 0],
    ),
    put(
      insertConversations,
      changes.conversations.filter((c) => !isPlain(c) && !c.supergroup),
      groupRow,
    ),
    put(
      insertSupergroups,
      changes.conversations.filter((c) => c.supergroup),
      (c) => [...groupRow(c), ...supergroupRow(c.supergroup as SupergroupState)],
    ),
    {
      remove: { table: "members", key: ["conversation_id", "user_id"] },
      keys: () =>
        sortRows(
          changes.membersRemoved.map((m) => [m.conversationId, m.userId]),
          2,
        ),
    },
    put(insertMembers, changes.membersAdded, (m) => [
      m.conversationId,
      m.userId,
      m.role,
      m.joinedSeq,
      m.joinedAt,
      m.mutedUntil,
      m.lastSentAt,
    ]),
    ...groupSteps(changes),
    put(insertMailboxes, [...changes.mailboxes], ([userId, pts]) => [userId, pts]),
    put(
      insertMessages,
      changes.messages.filter((m) => m.forwardedFrom === null),
      messageValues,
    ),
    put(
      insertForwarded,
      changes.messages.filter((m) => m.forwardedFrom !== null),
      (m) => [...messageValues(m), m.forwardedFrom],
    ),
    put(
      insertMessageUpdates,
      changes.updates.filter((u) => u.body === null),
      (u) => [u.userId, u.pts, u.type, u.conversationId, u.seq, u.createdAt],
    ),
    put(
      insertUpdates,
      changes.updates.filter((u) => u.body !== null),
      (u) => [u.userId, u.pts, u.type, u.conversationId, u.seq, u.createdAt, u.body],
    ),
    put(
      addToPairDialogs,
      changes.dialogs.filter((d) => d.read === undefined && isPair(d)),
      (d) => [d.userId, d.peer, d.topSeq, d.addUnread, d.addMentions, d.updatedAt],
    ),
    put(
      addToDialogs,
      changes.dialogs.filter((d) => d.read === undefined && !isPair(d) && d.readCount === undefined),
      (d) => [d.userId, d.peer, d.topSeq, d.addUnread, d.addMentions, d.updatedAt, d.conversationId, d.kind],
    ),
    put(
      readDialogs,
      changes.dialogs.filter((d) => d.read !== undefined && d.readCount === undefined),
      (d) => [
        d.userId,
        d.peer,
        d.topSeq,
        d.read?.unread ?? 0,
        d.read?.unreadMentions ?? 0,
        d.updatedAt,
        isPair(d) ? null : d.conversationId,
        isPair(d) ? null : d.kind,
        d.read?.readSeq ?? 0,
      ],
    ),
    put(
      addToSupergroupDialogs,
      changes.dialogs.filter((d) => d.read === undefined && d.readCount !== undefined),
      (d) => [d.userId, d.peer, d.topSeq, d.addUnread, d.addMentions, d.updatedAt, d.conversationId, d.kind, d.readCount ?? 0],
    ),
    put(
      readSupergroupDialogs,
      changes.dialogs.filter((d) => d.read !== undefined && d.readCount !== undefined),
      (d) => [
        d.userId,
        d.peer,
        d.topSeq,
        d.read?.unread ?? 0,
        d.read?.unreadMentions ?? 0,
        d.updatedAt,
        d.conversationId,
        d.kind,
        d.read?.readSeq ?? 0,
        d.readCount ?? 0,
      ],
    ),
    {
      remove: { table: "dialogs", key: ["user_id", "peer"] },
      keys: () =>
        sortRows(
          changes.dialogsRemoved.map((d) => [d.userId, d.peer]),
          2,
        ),
    },
    put(insertSupergroupUpdates, changes.supergroupUpdates, (u) => [
      u.conversationId,
      u.seq,
      u.type,
      u.body,
      u.createdAt,
      u.messageSeq ?? null,
    ]),
    ...supergroupSteps(changes.supergroups ?? noSupergroupChanges),
    drop("contacts", changes.contactsRemoved),
    put(insertContacts, changes.contacts, (c) => [c.userId, c.peer, c.state, c.remark, c.message, c.since]),
    drop("contact_refusals", changes.contactRefusalsRemoved),
    put(insertRefusals, changes.contactRefusals, (r) => [r.userId, r.peer, r.refusedAt]),
    drop("blocks", changes.blocksRemoved),
    put(insertBlocks, changes.blocks, (b) => [b.userId, b.peer, b.since]),
    put(insertDnd, changes.dnd, (d) => [d.userId, d.snoozeUntil, d.schedule, d.allowMentions ? 1 : 0]),
    put(insertScheduled, changes.scheduled, scheduledValues),
    put(insertPrivacy, changes.privacy, (p) => [p.userId, p.messages, p.groups, p.lastSeen, p.findByAccount ? 1 : 0]),
    put(insertProfiles, changes.profiles, (u) => [
      u.id,
      u.account,
      u.passwordHash,
      u.nickname,
      u.avatar,
      u.createdAt,
      u.bio ?? "",
      u.deactivatedAt ?? 0,
    ]),
    ...annotationSteps(changes.annotations ?? noAnnotations, changes.messages.filter(isChanged)),
    ...fileSteps(changes),
    ...dialogViewSteps(changes.dialogViews),
    ...searchSteps(changes),
    ...["restrictions", "join_requests"].map((table) => moving(table, changes.moves)),
  ];
};

const leading: readonly MemberRole[] = ["owner", "admin"];

/** The rows of both conversations are the transaction's, since both are locked. */
const moving = (table: string, moves: readonly ConversationMove[]): WriteStep => ({
  change: { table, columns: ["conversation_id"], key: ["conversation_id"] },
  rows: () => moves.map(({ from, to }) => [to, from]),
});

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
