import type {
  ConversationMove,
  ConversationRow,
  DialogRow,
  DndRow,
  FormerMember,
  IngestChanges,
  MemberRow,
  MessageRow,
  ScheduledRow,
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
import { DialogDraft } from "./dialog-draft.js";
import { DialogViews, type LoadedPins } from "./dialog-views.js";
import { type AvatarChange, FileDraft } from "./file-draft.js";
import { GroupBook, type LoadedGroups } from "./group-book.js";
import { type LoadedPeople, PeopleDraft } from "./people.js";
import { Receipts } from "./receipts.js";
import { ScheduledDraft } from "./scheduled-draft.js";
import { SupergroupDraft } from "./supergroup-draft.js";

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

const sendKey = (senderId: string, clientMsgId: string): string => `${senderId} ${clientMsgId}`;

/** What the transaction has read and locked for a batch. */
export interface Loaded {
  readonly now: number;
  readonly conversations: Map<string, ConversationRow>;
  readonly members: readonly MemberRow[];
  readonly formers: readonly FormerMember[];
  readonly mailboxes: Map<string, number>;
  readonly dialogs: readonly DialogRow[];
  readonly sent: readonly SentMessage[];
  readonly groups: LoadedGroups;
  readonly people: LoadedPeople;
  readonly annotations: LoadedAnnotations;
  readonly scheduled: readonly ScheduledRow[];
  readonly pins: LoadedPins;
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
  readonly effects: Effects = { deliveries: [], outcomes: [], dead: [], visibility: [], stored: 0 };
  /** Settings, bans and requests of the batch's groups. */
  readonly groups: GroupBook;
  readonly people: PeopleDraft;
  readonly annotations: AnnotationDraft;
  readonly scheduled: ScheduledDraft;
  readonly dialogs: DialogDraft;
  readonly receipts = new Receipts();
  /** The part of dialogs that does not come from messages. */
  readonly views: DialogViews;
  /** What members' unread follows from, and how far they have read. */
  readonly supergroups = new SupergroupDraft();
  readonly #conversations = new Map<string, ConversationDraft>();
  readonly #storedLastSeq = new Map<string, number>();
  /** Pictures of groups, of those that have one. */
  readonly #storedAvatars = new Map<string, string>();
  readonly #changedConversations = new Set<string>();
  readonly #members = new Map<string, Map<string, MemberRow>>();
  /** By conversation and user. */
  readonly #formers = new Map<string, Map<string, Pick<FormerMember, "clearedSeq" | "leftSeq">>>();
  readonly #membersAdded = new Map<string, MemberRow>();
  readonly #membersRemoved = new Map<string, { conversationId: string; userId: string }>();
  readonly #pts: Map<string, number>;
  readonly #changedMailboxes = new Map<string, number>();
  readonly #messages = new Map<string, MessageRow>();
  readonly #inBatch = new Map<string, string[]>();
  readonly #files: FileDraft;
  readonly #updates: UpdateRow[] = [];
  readonly #supergroupUpdates: SupergroupUpdateRow[] = [];
  readonly #moves: ConversationMove[] = [];
  readonly #dnd = new Map<string, DndRow>();
  readonly #sent = new Set<string>();

  constructor(loaded: Loaded) {
    this.now = loaded.now;
    this.groups = new GroupBook(loaded.groups);
    this.people = new PeopleDraft(loaded.people);
    this.#files = new FileDraft(loaded.now);
    this.annotations = new AnnotationDraft(loaded.annotations);
    this.scheduled = new ScheduledDraft(loaded.scheduled);
    this.views = new DialogViews(loaded.dialogs, loaded.pins);
    this.dialogs = new DialogDraft(loaded.dialogs, this.views, loaded.now);
    for (const row of loaded.conversations.values()) {
      this.#conversations.set(row.id, { ...row });
      this.#storedLastSeq.set(row.id, row.lastSeq);
      if (row.avatar !== "") this.#storedAvatars.set(row.id, row.avatar);
    }
    for (const row of loaded.members) this.#membersOf(row.conversationId).set(row.userId, row);
    for (const row of loaded.formers) this.#formersOf(row.conversationId).set(row.userId, row);
    this.#pts = loaded.mailboxes;
    for (const row of loaded.sent) this.#sent.add(sendKey(row.senderId, row.clientMsgId));
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

  #formersOf(conversationId: string): Map<string, Pick<FormerMember, "clearedSeq" | "leftSeq">> {
    let formers = this.#formers.get(conversationId);
    if (!formers) {
      formers = new Map();
      this.#formers.set(conversationId, formers);
    }
    return formers;
  }

  /** Who can see what stands at a place of a group: members since before it, and those who have left and were there. */
  viewers(conversationId: string, seq: number): string[] {
    const members = [...this.#membersOf(conversationId).values()].filter((member) => member.joinedSeq < seq);
    const formers = [...this.#formersOf(conversationId)].filter(([, { clearedSeq, leftSeq }]) => clearedSeq < seq && seq <= leftSeq);
    return [...members.map((member) => member.userId), ...formers.map(([userId]) => userId)];
  }

  members(conversationId: string): ReadonlyMap<string, MemberRow> {
    return this.#membersOf(conversationId);
  }

  putMember(row: MemberRow): void {
    const key = `${row.conversationId} ${row.userId}`;
    const members = this.#membersOf(row.conversationId);
    const conversation = this.#conversations.get(row.conversationId);
    if (conversation && !members.has(row.userId)) this.views.join(row.userId, conversation);
    members.set(row.userId, row);
    this.#formersOf(row.conversationId).delete(row.userId);
    this.#membersAdded.set(key, row);
  }

  removeMember(conversationId: string, userId: string): void {
    const key = `${conversationId} ${userId}`;
    const member = this.#membersOf(conversationId).get(userId);
    const conversation = this.#conversations.get(conversationId);
    if (conversation && member) {
      this.views.leave(member, conversation);
      this.#formersOf(conversationId).set(userId, { clearedSeq: member.joinedSeq, leftSeq: conversation.lastSeq });
    }
    if (conversation?.supergroup) this.supergroups.forget(conversationId, userId);
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
    for (const fileId of fileIdsOf(payload)) this.#files.carry({ fileId, messageId: id, conversationId, seq });
  }

  /** Files that a message named before it was changed can no longer be read through it. */
  #dropFiles(before: MessageRow, after: MessageRow): void {
    if (before.payload === after.payload) return;
    const left = fileIdsOf(after.payload);
    for (const fileId of fileIdsOf(before.payload)) {
      if (!left.includes(fileId)) this.#files.drop(fileId, before);
    }
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
    const before = this.message(row.id);
    if (before) this.#dropFiles(before, row);
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

  /**
   * Puts one update, the same for all, into the logs of several users and delivers it. With `pushed` those who are not
   * connected get that message as a push.
   */
  tell(
    userIds: Iterable<string>,
    type: string,
    conversationId: string,
    fields: Record<string, unknown>,
    pushed?: { readonly message: MessageRow; readonly push: string | undefined },
  ): void {
    const body = JSON.stringify({ conversation_id: conversationId, ...fields });
    const targets: Delivery["targets"] = [];
    for (const userId of userIds) {
      if (this.userExists(userId)) targets.push({ userId, pts: this.addUpdate(userId, type, conversationId, 0, body) });
    }
    if (targets.length > 0) this.effects.deliveries.push({ type, rest: body.slice(1), targets, ...pushed });
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
   * hole. With `shows` it is shown as that message, of which the log keeps the place, not a copy. @returns its seq.
   */
  enter(conversation: ConversationDraft, type: string, fields: Record<string, unknown>, shows?: MessageRow): number {
    conversation.lastSeq += 1;
    this.#changedConversations.add(conversation.id);
    const row = { conversationId: conversation.id, seq: conversation.lastSeq, type, body: JSON.stringify(fields), createdAt: this.now };
    this.#supergroupUpdates.push(shows ? { ...row, messageSeq: shows.seq } : row);
    this.broadcast(conversation.id, row.seq, type, entryText(shows ? { ...row, shows } : row));
    return row.seq;
  }

  /** Changes what a supergroup's row holds beyond a group's. */
  putSupergroup(conversation: ConversationDraft, change: Partial<SupergroupState>): void {
    if (!conversation.supergroup) return;
    conversation.supergroup = { ...conversation.supergroup, ...change };
    this.#changedConversations.add(conversation.id);
  }

  /** Whose picture is another one than before the batch. */
  #avatars(): AvatarChange[] {
    const changed = this.people.avatars();
    for (const id of this.#changedConversations) {
      const [before, after] = [this.#storedAvatars.get(id) ?? "", this.#conversations.get(id)?.avatar ?? ""];
      if (before !== after) changed.push({ holder: id, before, after });
    }
    return changed;
  }

  /** One conversation's restrictions and join requests go over to another one. */
  move(move: ConversationMove): void {
    this.#moves.push(move);
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
      ...this.dialogs.changes(),
      ...this.groups.changes(),
      dnd: [...this.#dnd.values()],
      ...this.scheduled.changes(),
      ...this.people.changes(),
      annotations: this.annotations.changes(),
      ...this.#files.changes(this.#avatars()),
      supergroupUpdates: this.#supergroupUpdates,
      supergroups: this.supergroups.changes(),
      dialogViews: this.views.changes(),
      moves: this.#moves,
    };
  }
}
