import {
  type ConversationMove,
  type ConversationRow,
  type DialogChange,
  type IngestChanges,
  type MessageRow,
  noAnnotations,
  noSupergroupChanges,
  type SupergroupState,
} from "../port/index.js";
import { annotationSteps } from "./annotations.js";
import { insertBlocks, insertContacts, insertRefusals } from "./contacts.js";
import { dialogViewSteps } from "./dialog-views.js";
import { insertDnd } from "./dnd.js";
import { fileSteps } from "./files.js";
import { groupSteps } from "./groups.js";
import { sortRows } from "./keys.js";
import { pairId } from "./pairs.js";
import { insertPrivacy } from "./privacy.js";
import { groupColumns, memberColumns, newMessageColumns, supergroupColumns, userColumns } from "./rows.js";
import { insertScheduled, scheduledValues } from "./scheduled.js";
import { searchSteps } from "./search-notes.js";
import type { Insertion, Merge, SqlValue, WriteStep } from "./session.js";
import { supergroupSteps } from "./supergroup-changes.js";

const offsetColumns = ["topic", "partition_no", "next_offset", "batch_begin"] as const;
const offsetKey = ["topic", "partition_no"];

const insertOffsets: Insertion = {
  table: "consumer_offsets",
  columns: offsetColumns,
  key: offsetKey,
  existing: { next_offset: "set", batch_begin: "set" },
};
/** An empty row, so that it can be locked. */
export const claimOffsets: Insertion = { ...insertOffsets, existing: "ignore" };
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
/** What a batch writes, in the one order in which all batches touch the tables. */
export const stepsOf = (changes: IngestChanges): WriteStep[] => {
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

/** The rows of both conversations are the transaction's, since both are locked. */
const moving = (table: string, moves: readonly ConversationMove[]): WriteStep => ({
  change: { table, columns: ["conversation_id"], key: ["conversation_id"] },
  rows: () => moves.map(({ from, to }) => [to, from]),
});
