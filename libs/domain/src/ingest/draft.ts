import type {
  ConversationRow,
  DialogChange,
  DialogRow,
  DndRow,
  FileRef,
  IngestChanges,
  MemberRow,
  MessageRow,
  SentMessage,
  SupergroupState,
  SupergroupUpdateRow,
  UpdateRow,
} from "@dunlin/engines/store";
import type { ErrorCode } from "@dunlin/proto";
import { fileIdsOf } from "../files/carried.js";
import { entryText, messageRest } from "../frames.js";
import { conversationIdOf } from "../ids.js";
import { AnnotationDraft, type LoadedAnnotations } from "./annotation-draft.js";
import { GroupBook, type LoadedGroups } from "./group-book.js";
import { type LoadedPeople, PeopleDraft } from "./people.js";

/** A frame that a batch has made, and who is to be shown it at which pts. */
export interface Delivery {
  readonly type: string;
  /** Everything behind the pts (see frames.ts). */
  readonly rest: string;
  readonly targets: { userId: string; pts: number }[];
  /** Set for messages: what a push needs, and who sent it. */
  readonly message?: MessageRow;
  readonly push?: string | undefined;
  /** Set for an entry of a supergroup's log: for who follows it, not for `targets`. An empty frame only tells the seq. */
  readonly supergroup?: { readonly id: string; readonly seq: number; readonly frame: string };
}

export interface CommandOutcome {
  readonly commandId: string;
  readonly replySlot: number;
  readonly code: ErrorCode;
}

/** What has to happen once the batch is committed. */
export interface Effects {
  readonly deliveries: Delivery[];
  readonly outcomes: CommandOutcome[];
  /** Commands (by their place in the batch) that name what does not exist: they go to the dead letters as well. */
  readonly dead: { readonly index: number; readonly reason: string }[];
  /** Users whose presence others may see now who might not before, or no more. */
  readonly visibility: string[];
  /** Messages stored now (doubles and rejected ones do not count). */
  stored: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type ConversationDraft = Mutable<ConversationRow>;

export const dialogKey = (userId: string, peer: string): string => `${userId} ${peer}`;
export const sendKey = (senderId: string, clientMsgId: string): string => `${senderId} ${clientMsgId}`;

/** What the transaction has read and locked for a batch. */
export interface Loaded {
  readonly now: number;
  readonly conversations: Map<string, ConversationRow>;
  readonly members: readonly MemberRow[];
  readonly mailboxes: Map<string, number>;
  readonly dialogs: readonly DialogRow[];
  readonly sent: readonly SentMessage[];
  readonly groups: LoadedGroups;
  readonly people: LoadedPeople;
  readonly annotations: LoadedAnnotations;
}

/** What a new message is made from; its place, and what may become of it later, come by themselves. */
export type NewMessage = Omit<MessageRow, "seq" | "conversationId" | "serverTs" | "forwardedFrom" | "edits" | "editedAt" | "recalledAt"> & {
  readonly forwardedFrom?: string | undefined;
};

/**
 * A batch while it is worked out: the rows as they stood, and on top of them what the commands so far have changed.
 * Pure bookkeeping; the rules are in the command files.
 */
export class Draft {
  readonly now: number;
  readonly people: PeopleDraft;
  readonly effects: Effects = { deliveries: [], outcomes: [], dead: [], visibility: [], stored: 0 };
  /** Settings, bans and requests of the batch's groups. */
  readonly groups: GroupBook;
  readonly #conversations = new Map<string, ConversationDraft>();
  readonly #storedLastSeq = new Map<string, number>();
  readonly #changedConversations = new Set<string>();
  readonly #members = new Map<string, Map<string, MemberRow>>();
  readonly #membersAdded = new Map<string, MemberRow>();
  readonly #membersRemoved = new Map<string, { conversationId: string; userId: string }>();
  readonly #pts: Map<string, number>;
  readonly #changedMailboxes = new Map<string, number>();
  readonly #storedDialogs = new Map<string, DialogRow>();
  readonly #dialogs = new Map<string, Mutable<DialogChange>>();
  readonly #messages = new Map<string, MessageRow>();
  readonly #inBatch = new Map<string, string[]>();
  readonly #fileRefs: FileRef[] = [];
  readonly #updates: UpdateRow[] = [];
  readonly #supergroupUpdates: SupergroupUpdateRow[] = [];
  readonly #dialogsRemoved = new Map<string, { userId: string; peer: string }>();
  readonly #dnd = new Map<string, DndRow>();
  readonly #sent = new Set<string>();
  /** author's READ, by conversation and author → reader → read position */
  readonly #receipts = new Map<string, Map<string, Map<string, number>>>();
  readonly annotations: AnnotationDraft;

  constructor(loaded: Loaded) {
    this.now = loaded.now;
    this.groups = new GroupBook(loaded.groups);
    this.people = new PeopleDraft(loaded.people);
    for (const row of loaded.conversations.values()) {
      this.#conversations.set(row.id, { ...row });
      this.#storedLastSeq.set(row.id, row.lastSeq);
    }
    for (const row of loaded.members) this.#membersOf(row.conversationId).set(row.userId, row);
    this.#pts = loaded.mailboxes;
    for (const row of loaded.dialogs) this.#storedDialogs.set(dialogKey(row.userId, row.peer), row);
    for (const row of loaded.sent) this.#sent.add(sendKey(row.senderId, row.clientMsgId));
    this.annotations = new AnnotationDraft(loaded.annotations);
  }

  userExists(userId: string): boolean {
    return this.#pts.has(userId);
  }

  alreadySent(senderId: string, clientMsgId: string): boolean {
    return this.#sent.has(sendKey(senderId, clientMsgId));
  }

  conversation(id: string): ConversationDraft | undefined {
    return this.#conversations.get(id);
  }

  /** What two users are to each other: of a pair of the batch, or asked for by `Needs`. */
  relation(userId: string, peer: string): number {
    const id = conversationIdOf(userId, peer);
    return this.#conversations.get(id)?.relation ?? this.people.relations.get(id) ?? 0;
  }

  /** Creates or changes a conversation's row. */
  putConversation(row: ConversationDraft): void {
    this.#conversations.set(row.id, row);
    this.#changedConversations.add(row.id);
  }

  #membersOf(conversationId: string): Map<string, MemberRow> {
    let members = this.#members.get(conversationId);
    if (!members) {
      members = new Map();
      this.#members.set(conversationId, members);
    }
    return members;
  }

  members(conversationId: string): ReadonlyMap<string, MemberRow> {
    return this.#membersOf(conversationId);
  }

  putMember(row: MemberRow): void {
    const key = `${row.conversationId} ${row.userId}`;
    this.#membersOf(row.conversationId).set(row.userId, row);
    this.#membersAdded.set(key, row);
  }

  removeMember(conversationId: string, userId: string): void {
    const key = `${conversationId} ${userId}`;
    this.#membersOf(conversationId).delete(userId);
    this.#membersAdded.delete(key);
    this.#membersRemoved.set(key, { conversationId, userId });
  }

  /** Gives a message the next seq of its conversation and keeps it. */
  addMessage(conversation: ConversationDraft, message: NewMessage): MessageRow {
    conversation.lastSeq += 1;
    this.#changedConversations.add(conversation.id);
    const row: MessageRow = {
      ...message,
      conversationId: conversation.id,
      seq: conversation.lastSeq,
      serverTs: this.now,
      forwardedFrom: message.forwardedFrom ?? null,
      edits: 0,
      editedAt: null,
      recalledAt: null,
    };
    // Two commands that name one id are left to the store to refuse.
    const key = this.#messages.has(row.id) ? `${row.id} ${this.#messages.size}` : row.id;
    this.#messages.set(key, row);
    this.carryFiles(row);
    const own = this.#inBatch.get(conversation.id);
    if (own) own.push(key);
    else this.#inBatch.set(conversation.id, [key]);
    this.#sent.add(sendKey(message.from, message.clientMsgId));
    if (conversation.supergroup) {
      const messageCount = conversation.supergroup.messageCount + 1;
      conversation.supergroup = { ...conversation.supergroup, messageCount, topSeq: row.seq, activeAt: this.now };
    }
    this.effects.stored += 1;
    return row;
  }

  /** Whoever may read this message may from now on read the files it names. */
  carryFiles({ id, conversationId, seq, payload }: Pick<MessageRow, "id" | "conversationId" | "seq" | "payload">): void {
    for (const fileId of fileIdsOf(payload)) this.#fileRefs.push({ fileId, messageId: id, conversationId, seq });
  }

  /** The messages this batch has added to a conversation. */
  added(conversationId: string): readonly MessageRow[] {
    return (this.#inBatch.get(conversationId) ?? []).map((key) => this.#messages.get(key) as MessageRow);
  }

  /** A message as it is now: one that the batch has added, or a stored one that it named among its needs. */
  message(id: string): MessageRow | undefined {
    return this.#messages.get(id) ?? this.annotations.message(id);
  }

  changeMessage(row: MessageRow): void {
    if (this.#messages.has(row.id)) this.#messages.set(row.id, row);
    else this.annotations.changeMessage(row);
  }

  /** The conversation's last seq before this batch. */
  storedLastSeq(conversationId: string): number {
    return this.#storedLastSeq.get(conversationId) ?? 0;
  }

  /** Puts an update into a user's log. @returns its pts. */
  addUpdate(userId: string, type: string, conversationId: string, seq: number, body: string | null): number {
    const pts = (this.#pts.get(userId) ?? 0) + 1;
    this.#pts.set(userId, pts);
    this.#changedMailboxes.set(userId, pts);
    this.#updates.push({ userId, pts, type, conversationId, seq, body, createdAt: this.now });
    return pts;
  }

  /** Puts one update, the same for all, into the logs of several users and delivers it. */
  tell(userIds: Iterable<string>, type: string, conversationId: string, fields: Record<string, unknown>): void {
    const body = JSON.stringify({ conversation_id: conversationId, ...fields });
    const targets: Delivery["targets"] = [];
    for (const userId of userIds) {
      if (this.userExists(userId)) targets.push({ userId, pts: this.addUpdate(userId, type, conversationId, 0, body) });
    }
    if (targets.length > 0) this.effects.deliveries.push({ type, rest: body.slice(1), targets });
  }

  /** Shows a message to several users under another frame type than its own; their logs hold its place, not a copy. */
  show(userIds: Iterable<string>, type: string, message: MessageRow): void {
    const targets: Delivery["targets"] = [];
    for (const userId of userIds) {
      if (!this.userExists(userId)) continue;
      targets.push({ userId, pts: this.addUpdate(userId, type, message.conversationId, message.seq, null) });
    }
    if (targets.length > 0) this.effects.deliveries.push({ type, rest: messageRest(message), targets });
  }

  /** Delivers an entry of a supergroup's log to all who follow it. */
  broadcast(id: string, seq: number, type: string, frame: string): void {
    this.effects.deliveries.push({ type, rest: "", targets: [], supergroup: { id, seq, frame } });
  }

  /**
   * Puts an entry that is no message into a supergroup's log and delivers it: it takes the next seq, so that the log has no
   * hole. @returns its seq.
   */
  enter(conversation: ConversationDraft, type: string, fields: Record<string, unknown>): number {
    conversation.lastSeq += 1;
    this.#changedConversations.add(conversation.id);
    const row = { conversationId: conversation.id, seq: conversation.lastSeq, type, body: JSON.stringify(fields), createdAt: this.now };
    this.#supergroupUpdates.push(row);
    this.broadcast(conversation.id, row.seq, type, entryText(row));
    return row.seq;
  }

  /** Changes what a supergroup's row holds beyond a group's. */
  putSupergroup(conversation: ConversationDraft, change: Partial<SupergroupState>): void {
    if (!conversation.supergroup) return;
    conversation.supergroup = { ...conversation.supergroup, ...change };
    this.#changedConversations.add(conversation.id);
  }

  /** Dialogs that a rule has read by itself, as they are stored. */
  loadDialogs(rows: readonly DialogRow[]): void {
    for (const row of rows) this.#storedDialogs.set(dialogKey(row.userId, row.peer), row);
  }

  /** A member's position in a supergroup as it stands now, undefined without a dialog. */
  position(userId: string, id: string): { readSeq: number; readCount: number; unreadMentions: number } | undefined {
    const key = dialogKey(userId, id);
    const stored = this.#storedDialogs.get(key);
    const change = this.#dialogs.get(key);
    if (!stored && !change) return undefined;
    const base = change?.read ?? stored;
    const readCount = (change?.read ? 0 : (stored?.readCount ?? 0)) + (change?.readCount ?? 0);
    return { readSeq: base?.readSeq ?? 0, readCount, unreadMentions: base?.unreadMentions ?? 0 };
  }

  /** An own message is never unread. */
  countOwn(userId: string, conversation: ConversationDraft): void {
    const change = this.#dialogs.get(dialogKey(userId, conversation.id));
    if (change) {
      change.topSeq = conversation.lastSeq;
      change.readCount = (change.readCount ?? 0) + 1;
    } else {
      this.#dialogs.set(dialogKey(userId, conversation.id), {
        userId,
        peer: conversation.id,
        conversationId: conversation.id,
        kind: conversation.kind,
        topSeq: conversation.lastSeq,
        addUnread: 0,
        addMentions: 0,
        readCount: 1,
        updatedAt: this.now,
      });
    }
  }

  /** Sets a member's position in a supergroup; `unread` is what stays when the user is no member any more. */
  putPosition(
    userId: string,
    conversation: ConversationDraft,
    at: { readSeq: number; readCount: number; unread: number; unreadMentions: number },
    touch = false,
  ): void {
    const key = dialogKey(userId, conversation.id);
    const { readCount, ...read } = at;
    this.#dialogs.set(key, {
      userId,
      peer: conversation.id,
      conversationId: conversation.id,
      kind: conversation.kind,
      topSeq: conversation.supergroup?.topSeq ?? 0,
      addUnread: 0,
      addMentions: 0,
      read,
      readCount,
      // Reading does not move a dialog up the list.
      updatedAt: touch ? this.now : (this.#dialogs.get(key)?.updatedAt ?? this.#storedDialogs.get(key)?.updatedAt ?? this.now),
    });
  }

  removeDialog(userId: string, peer: string): void {
    const key = dialogKey(userId, peer);
    this.#dialogs.delete(key);
    this.#storedDialogs.delete(key);
    this.#dialogsRemoved.set(key, { userId, peer });
  }

  /** A user's dialog as it stands now, undefined when there is none. */
  dialog(userId: string, peer: string): { topSeq: number; readSeq: number; unread: number; unreadMentions: number } | undefined {
    const key = dialogKey(userId, peer);
    const stored = this.#storedDialogs.get(key);
    const change = this.#dialogs.get(key);
    if (!stored && !change) return undefined;
    const base = change?.read ?? stored ?? { readSeq: 0, unread: 0, unreadMentions: 0 };
    return {
      topSeq: Math.max(stored?.topSeq ?? 0, change?.topSeq ?? 0),
      readSeq: base.readSeq,
      unread: base.unread + (change && !change.read ? change.addUnread : 0),
      unreadMentions: base.unreadMentions + (change && !change.read ? change.addMentions : 0),
    };
  }

  /** A message (or a membership change) reached a user's dialog. */
  touchDialog(userId: string, peer: string, conversation: ConversationDraft, unread: 0 | 1, mention: boolean): void {
    const key = dialogKey(userId, peer);
    const change = this.#dialogs.get(key);
    if (!change) {
      this.#dialogs.set(key, {
        userId,
        peer,
        conversationId: conversation.id,
        kind: conversation.kind,
        topSeq: conversation.lastSeq,
        addUnread: unread,
        addMentions: mention ? 1 : 0,
        updatedAt: this.now,
      });
      return;
    }
    change.topSeq = conversation.lastSeq;
    if (change.read) {
      change.read = {
        readSeq: change.read.readSeq,
        unread: change.read.unread + unread,
        unreadMentions: change.read.unreadMentions + (mention ? 1 : 0),
      };
    } else {
      change.addUnread += unread;
      if (mention) change.addMentions += 1;
    }
  }

  /** Sets a dialog's read position and counts; `touch` also makes it the newest. */
  readDialog(
    userId: string,
    peer: string,
    conversation: ConversationDraft,
    read: { readSeq: number; unread: number; unreadMentions: number },
  ): void {
    const key = dialogKey(userId, peer);
    const change = this.#dialogs.get(key);
    if (change) {
      change.read = read;
      return;
    }
    const stored = this.#storedDialogs.get(key);
    this.#dialogs.set(key, {
      userId,
      peer,
      conversationId: conversation.id,
      kind: conversation.kind,
      topSeq: conversation.lastSeq,
      addUnread: 0,
      addMentions: 0,
      read,
      // Reading does not move a dialog up the list.
      updatedAt: stored?.updatedAt ?? this.now,
    });
  }

  /** Changes what is unread in a dialog that is there. @returns the counts then */
  addToUnread(
    userId: string,
    peer: string,
    conversation: ConversationDraft,
    unread: number,
    mentions: number,
  ): { unread: number; unreadMentions: number } {
    const key = dialogKey(userId, peer);
    const change = this.#dialogs.get(key);
    if (change?.read) {
      const { readSeq, unread: before, unreadMentions } = change.read;
      change.read = { readSeq, unread: before + unread, unreadMentions: unreadMentions + mentions };
    } else if (change) {
      change.addUnread += unread;
      change.addMentions += mentions;
    } else {
      const stored = this.#storedDialogs.get(key);
      this.#dialogs.set(key, {
        userId,
        peer,
        conversationId: conversation.id,
        kind: conversation.kind,
        topSeq: stored?.topSeq ?? 0,
        addUnread: unread,
        addMentions: mentions,
        // A message that goes does not move a dialog up the list.
        updatedAt: stored?.updatedAt ?? 0,
      });
    }
    const { unread: left = 0, unreadMentions = 0 } = this.dialog(userId, peer) ?? {};
    return { unread: left, unreadMentions };
  }

  /** Notes for an author that a member has read a group up to here; all notes of a batch are told as one. */
  noteReceipt(conversationId: string, authorId: string, readerId: string, readSeq: number): void {
    let authors = this.#receipts.get(conversationId);
    if (!authors) {
      authors = new Map();
      this.#receipts.set(conversationId, authors);
    }
    let readers = authors.get(authorId);
    if (!readers) {
      readers = new Map();
      authors.set(authorId, readers);
    }
    readers.set(readerId, Math.max(readSeq, readers.get(readerId) ?? 0));
  }

  /** Tells the authors who has read; those with the same news share a frame. To be called once, when all commands are applied. */
  tellReceipts(): void {
    for (const [conversationId, authors] of this.#receipts) {
      const members = this.members(conversationId);
      const told = new Map<string, { authorIds: string[]; readers: { user_id: string; read_seq: number }[] }>();
      for (const [authorId, positions] of authors) {
        if (!members.has(authorId)) continue;
        const readers = [...positions].map(([user_id, read_seq]) => ({ user_id, read_seq }));
        const key = JSON.stringify(readers);
        const same = told.get(key);
        if (same) same.authorIds.push(authorId);
        else told.set(key, { authorIds: [authorId], readers });
      }
      for (const { authorIds, readers } of told.values()) this.tell(authorIds, "READ", conversationId, { peer: conversationId, readers });
    }
    this.#receipts.clear();
  }

  putDnd(row: DndRow): void {
    this.#dnd.set(row.userId, row);
  }

  changes(): Omit<IngestChanges, "offsets"> {
    return {
      messages: [...this.#messages.values()],
      updates: this.#updates,
      conversations: [...this.#changedConversations].map((id) => this.#conversations.get(id) as ConversationDraft),
      membersAdded: [...this.#membersAdded.values()],
      membersRemoved: [...this.#membersRemoved.values()],
      mailboxes: this.#changedMailboxes,
      dialogs: [...this.#dialogs.values()],
      ...this.groups.changes(),
      dnd: [...this.#dnd.values()],
      ...this.people.changes(),
      annotations: this.annotations.changes(),
      fileRefs: this.#fileRefs,
      dialogsRemoved: [...this.#dialogsRemoved.values()],
      supergroupUpdates: this.#supergroupUpdates,
    };
  }
}
